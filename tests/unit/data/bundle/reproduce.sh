#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows finding 1, silent-break at without-3, of exit-on-missing-split (6 patches):
# Reverting 3/6 'KVM: x86: Annotate guest accesses to pages user space has not mapped'
# leaves KVM_CAP_EXIT_ON_MISSING advertised (by 4/6 'KVM: x86: Honour
# KVM_MEM_EXIT_ON_MISSING'), but the kernel no longer keeps the promise:
#
# It builds a copy of the kernel with the patches beside this script, boots it in QEMU,
# and looks at what the guest says. The guest has no network and no file of this host. All
# that it writes is in WORK.
# The patches' Makefiles run with your rights: read the patches first.
#
# usage: [LINUX=PATH] [WORK=DIR] [JOBS=N] [CROSS_COMPILE=PREFIX] sh reproduce.sh [--base]
#
#	LINUX	the kernel below the patches: debian:linux-source-6.12 6.12.107-1 (Linux 6.12.107)
#		a folder, a tarball
#	WORK	where all is made (default: a folder "work" beside this script)
#	--base	ask the kernel without the patches instead: that should not show it, and exit 1
#
# Exit status: 0 it is shown, 1 it is not, 2 it could not be asked: something is missing.
set -eu

here=$(CDPATH='' cd -P -- "$(dirname -- "$0")" && pwd -P)
work=${WORK:-$here/work}
export LC_ALL=C

say() {
	printf '%s\n' "$*"
}

give_up() {
	printf 'reproduce.sh: %s\n' "$*" >&2
	exit 2
}

base=no
case $#${1:+ $1} in
0) ;;
'1 --base') base=yes ;;
*) give_up 'usage: sh reproduce.sh [--base]' ;;
esac

# --- what it takes --------------------------------------------------------------------------------

missing=

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 || missing="$missing
  $1 (Debian: apt-get install $2)"
}

need_header() { # HEADER PACKAGE
	command -v gcc >/dev/null 2>&1 || return 0
	printf '#include <%s>\n' "$1" | gcc -E -x c -o /dev/null - 2>/dev/null || missing="$missing
  $1 (Debian: apt-get install $2)"
}

need git git
need tar tar
need sha256sum coreutils
need make make
need gcc gcc
need ld binutils
need flex flex
need bison bison
need bc bc
need perl perl-base
need pahole dwarves
need awk mawk
need qemu-system-x86_64 qemu-system-x86

# The compiler is one for x86_64, whatever this host is.
cross=${CROSS_COMPILE-}
[ -n "$cross" ] || [ "$(uname -m)" = x86_64 ] ||
	give_up 'the kernel is for x86_64: set CROSS_COMPILE to the prefix of a compiler for it'
if [ -n "$cross" ]; then
	need "${cross}gcc" gcc
	need "${cross}ld" binutils
fi
need_header stdio.h libc6-dev
need_header gelf.h libelf-dev
[ -z "$missing" ] || give_up "these are missing:$missing"

[ -n "${LINUX:-}" ] || give_up 'LINUX is not set. README tells where the kernel is to be had.'
[ -e "$LINUX" ] || give_up "LINUX: there is no $LINUX"
if [ -d "$LINUX" ]; then
	LINUX=$(CDPATH='' cd -P -- "$LINUX" && pwd -P)
else
	LINUX=$(CDPATH='' cd -P -- "$(dirname -- "$LINUX")" && pwd -P)/$(basename -- "$LINUX")
fi

if [ -e "$work" ] && [ ! -e "$work/.reproduce" ]; then
	give_up "WORK: $work is there, and nothing that this script has made"
fi
rm -rf -- "$work"
mkdir -p -- "$work/linux"
: >"$work/.reproduce"
work=$(CDPATH='' cd -P -- "$work" && pwd -P)
case $work in
*[[:space:]:]*) give_up "WORK: no kernel builds in a folder with a space or a colon in its name: $work" ;;
esac

# --- the source -----------------------------------------------------------------------------------

# Into the current folder, through files: of a pipe, sh tells only how its last program ended.
unpack() {
	packed=$work/packed
	if [ -d "$LINUX" ]; then
		tar -C "$LINUX" --anchored --no-wildcards --exclude="./${work#"$LINUX/"}" \
			--no-anchored --exclude=.git -cf "$packed.tar" . && tar -xf "$packed.tar"
		return
	fi
	case $LINUX in
	*.deb) dpkg-deb --fsys-tarfile "$LINUX" >"$packed.deb" &&
		tar --wildcards -xOf "$packed.deb" './usr/src/*.tar.xz' >"$packed.xz" &&
		tar -xJf "$packed.xz" --strip-components=1 ;;
	*) tar -xf "$LINUX" --exclude=.git --strip-components=1 ;;
	esac
}

say "unpacking $LINUX"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
cd -- "$work/linux"
unpack || give_up "LINUX: $LINUX cannot be unpacked"
rm -f -- "$work"/packed.*
# git apply is to find no repository around the source: it would leave out what is not below it.
export GIT_CEILING_DIRECTORIES="$work" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
sha256sum --check --strict --quiet "$here/base.sha256" ||
	give_up "LINUX: $LINUX is another kernel than" 'debian:linux-source-6.12 6.12.107-1 (Linux 6.12.107)'

if [ "$base" = no ]; then
	for patch in "$here"/patches/*.patch; do
		[ -e "$patch" ] || continue
		say "applying patches/$(basename -- "$patch")"
		git apply --whitespace=nowarn "$patch" || give_up "$patch does not apply"
	done
	sha256sum --check --strict --quiet "$here/patched.sha256" || give_up 'the patches came to other files than they should'
fi

# --- the kernel -----------------------------------------------------------------------------------

source=$work/linux
build=$work/build
jobs=${JOBS:-$(nproc)}

run_make() { # TARGETS
	make -j"$jobs" -C "$source" \
		O="$build" \
		ARCH=x86_64 \
		CROSS_COMPILE="$cross" \
		CC="$cross"gcc \
		HOSTCC=gcc \
		'KCFLAGS=-g1 -fdebug-prefix-map='"$source"'/= -fdebug-prefix-map='"$build"=. \
		KBUILD_BUILD_TIMESTAMP=@0 \
		KBUILD_BUILD_USER=kseries \
		KBUILD_BUILD_HOST=kseries \
		KBUILD_BUILD_VERSION=1 \
		KASAN_SANITIZE_string.o=n \
		"$@" </dev/null >>"$work/build.log" 2>&1
}

mkdir -- "$build"
cp -- "$here/config" "$work/config"
say "building, with make -j$jobs; what it says is in $work/build.log"
built=no
if run_make KCONFIG_ALLCONFIG="$work/config" allnoconfig && run_make vmlinux; then
	built=yes
fi
if [ "$built" = no ]; then
	tail -n 20 -- "$work/build.log" >&2
	give_up "the kernel does not build here, so it cannot be asked; see $work/build.log"
fi

# --- the guest ------------------------------------------------------------------------------------

accel=tcg cpu=max
qemu=

stop_qemu() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || :
}

trap stop_qemu EXIT
trap 'exit 2' HUP INT TERM

# How many lines of the guest's tell that it gets on.
progress() {
	grep -acE '^[[:space:]]*((not )?ok|KTAP version|1\.\.[0-9]|# Subtest: |# plan: )' results.log || :
}

# Waits until the guest has said that all probes were run, has gone down, or gets no further: $ending.
wait_for_guest() { # SECONDS UNTIL THE FIRST RESULT
	began=$(date +%s)
	since=$began
	seen=0
	while kill -0 "$qemu" 2>/dev/null; do
		sleep 1
		now=$(date +%s)
		lines=$(progress)
		if [ "$lines" != "$seen" ]; then
			seen=$lines since=$now
		fi
		patience=30
		[ "$seen" != 0 ] || patience=$1
		if grep -aq '^# kseries: end[[:space:]]*$' results.log; then
			ending=end
			break
		elif [ $((now - since)) -ge "$patience" ]; then
			ending=hang
			break
		elif [ $((now - began)) -ge 260 ]; then
			ending=deadline
			break
		fi
	done
	kill "$qemu" 2>/dev/null || :
	status=0
	wait "$qemu" || status=$?
	qemu=
	if [ "$ending" = down ] && [ "$status" != 0 ]; then
		cat qemu.log >&2
		give_up "QEMU ended with status $status"
	fi
}

boot() { # WORDS FOR THE KERNEL, SECONDS UNTIL THE FIRST RESULT
	guest=$work/guest
	rm -rf -- "$guest"
	mkdir -- "$guest"
	cd -- "$guest"
	: >results.log
	: >console.log
	cp -- "$here/initramfs.cpio" .
	ending=down
	qemu-system-x86_64 \
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \
		-no-user-config \
		-nodefaults \
		-display none \
		-machine q35 \
		-accel "$accel" \
		-cpu "$cpu" \
		-smp 2 \
		-m 512 \
		-kernel "$build"/vmlinux \
		-initrd initramfs.cpio \
		-append "$1" \
		-no-reboot \
		-device pvpanic \
		-action panic=none \
		-chardev file,id=console,path=console.log \
		-chardev file,id=ktap,path=results.log \
		-serial chardev:console \
		-serial chardev:ktap </dev/null >qemu.log 2>&1 &
	qemu=$!
	wait_for_guest "$2"
	say "booted; ending: $ending; what the guest said is in $guest"
}

ask() {
	: >"$work/results"
	: >"$work/checks"
	: >"$work/console"
	: >"$work/endings"
	boot 'console=ttyS0 ignore_loglevel printk.devkmsg=on panic=-1 no_timer_check KTAP=ttyS1' 60
	awk -f "$here/checks.awk" results.log >>"$work/checks"
	cat results.log >>"$work/results"
	cat console.log >>"$work/console"
	say "$ending" >>"$work/endings"
	[ -s "$work/console" ] || [ -s "$work/results" ] ||
		give_up "the guest said nothing, so it was not asked; what QEMU said is in $work/guest/qemu.log"
}

# --- what is to be seen ---------------------------------------------------------------------------

shown=yes
# Whether what was seen may be that of a slow host, and whether any of it is not.
doubtful=no sure=no

look() { # WHAT, IN WORDS; 0 WHERE IT IS SO
	if [ "$2" = 0 ]; then
		say "  seen:     $1"
	else
		say "  not seen: $1"
		shown=no
	fi
}

# Some probe, or this one, has begun: as the results have it, or else the kernel's log.
begun() { # [PROBE]
	if [ $# = 0 ]; then
		grep -q '^begun ' "$work/checks" || grep -aqE 'kseries: (enter|leave) ' "$work/console"
	else
		grep -Fxq "begun $(spelled "$1")" "$work/checks" || grep -aqF "kseries: enter $1." "$work/console"
	fi
}

# A name as checks.awk has it.
spelled() { # NAME
	printf '%s\n' "$1" | sed -E 's/_*[^!-~][^!-^`-~]*/_/g'
}

# What a check came to: fail, pass, skip, xfail, or missing.
answer() { # CHECK
	id=$(spelled "$1")
	for status in fail missing skip xfail pass; do
		if grep -Fxq "$status $id" "$work/checks"; then
			say "$status"
			return
		fi
	done
	say missing
}

# A guest that could have answered a check has not: its probe has begun, the others have run to the end,
# or the guest has ended by itself among the probes, as it did where the check "died".
unanswered() { # CHECK STATUS [died]
	if [ "${3-}" = died ] && begun && grep -vq '^end$' "$work/endings"; then
		return 0
	fi
	[ "$2" = missing ] || return 1
	if begun "${1%.*}"; then
		return 0
	fi
	grep -Fxq end "$work/endings" && grep -vq '^begun ' "$work/checks"
}

# A check that did not pass: as it is here, or because its guest ended before.
check() { # CHECK STATUS [died]
	got=$(answer "$1")
	found=1
	if [ "$got" = missing ]; then
		if unanswered "$@"; then
			found=0 doubtful=yes
		fi
	elif [ "$got" = "$2" ]; then
		found=0 sure=yes
	fi
	look "$1: $2 (it is: $got)" "$found"
}

# The kernel says that it has a capability, or that it has not.
promises() { # CAPABILITY yes|no
	if [ "$2" = yes ]; then value='-?0*[1-9][0-9]*'; else value='-?0+'; fi
	found=0
	grep -aqE "^[[:space:]]*# cap $1=$value[[:space:]]*\$" "$work/results" || found=1
	look "the kernel advertises $1: $2" "$found"
}

show() {
	shown=yes doubtful=no sure=no
	promises KVM_CAP_EXIT_ON_MISSING yes
	check exit_on_missing.read_exits fail
	check exit_on_missing.write_exits fail
	check exit_on_missing.fetch_exits fail
	check exit_on_missing.maps_nothing fail
	check exit_on_missing.resumes_after_populate fail
	check exit_on_missing.toggle_is_quiet fail
	[ "$shown" = yes ]
}

tried=0
until [ "$tried" = 1 ]; do
	tried=$((tried + 1))
	ask
	show || continue
	say 'SHOWN: finding 1, silent-break at without-3'
	exit 0
done
say 'NOT SHOWN: finding 1, silent-break at without-3'
exit 1
