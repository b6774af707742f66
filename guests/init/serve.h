/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host has run once all probes have: its tests drive the guest from outside.
 *
 * It asks in lines on the channel, and each word of them is quoted: %XX stands for a
 * byte that is a blank, a percent sign, or no printable ASCII. ID is a number of the
 * host's choice.
 *
 *	start ID WORD..		run a program: its path, then its words
 *	inside ID WORD..	the same in the userland
 *	input ID TEXT		have that read this
 *	close ID		and no more
 *	kill ID			it, and its process group
 *	mark ID TEXT		tell the kernel's log which test it is about
 *
 * It is told:
 *
 *	output ID TEXT		what that printed, to either of its streams
 *	ended ID STATUS		what it exited with, or minus the signal that killed it; 0
 *				once a mark is there
 *	refused ID WHY		it does not run
 *
 * What comes of one ID is told in order, so that behind "ended" there is no more.
 * How long anything may take is the host's to say.
 */
#ifndef INIT_SERVE_H
#define INIT_SERVE_H

_Noreturn void serve(int channel);

#endif
