// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that waits for a missing page for as long as somebody outside wants.
 *
 * It tells what it is at as a diagnostic of its only check, and is told what to
 * do next by a line of its standard input:
 *   again     run the vCPU once more: it has to exit as before
 *   provide   populate the page, and have the guest write to it and report
 */
#include <stdio.h>
#include <string.h>

#include "ktap.h"
#include "scene.h"

#define LINE_BYTES	32

static bool told_to_provide(void)
{
	char line[LINE_BYTES];

	if (!fgets(line, sizeof(line), stdin))
		ktap_fail("nobody says what to do with a vCPU that waits");
	if (!strcmp(line, "provide\n"))
		return true;
	if (strcmp(line, "again\n"))
		ktap_fail("neither \"again\" nor \"provide\": %s", line);
	return false;
}

static void waits_for_its_page(void)
{
	struct vm_exit exit;
	struct scene scene;

	scene_set_missing(&scene, ACCESS_WRITE);
	do {
		exit = scene_run_into_missing(&scene);
		ktap_diag("waits");
	} while (!told_to_provide());
	scene_provide(&scene, &exit);
	scene_expect_served(&scene);
}

static const struct check checks[] = {
	{ "waits_for_its_page", waits_for_its_page },
};

int main(void)
{
	return ktap_main("waiting_vcpu", checks, ARRAY_SIZE(checks), NULL);
}
