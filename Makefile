# SPDX-License-Identifier: GPL-2.0-only
# Builds nsfast into .build/ and runs everything that checks it.

# Debian packages, by what needs them
DEPS_BUILD := gcc libc6-dev make clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev libmnl-dev pkg-config
DEPS_RUN   := iproute2 iptables nftables
DEPS_TEST  := libcmocka-dev bats iputils-ping iputils-arping iputils-tracepath curl iperf3 traceroute tcpdump python3-minimal \
	      python3-scapy jq ethtool fping strace procps nmap hping3
DEPS_KERNELS := qemu-system-x86 busybox-static cpio zstd xz-utils kmod
DEPS_LINT  := clang-format clang-tidy cppcheck shellcheck
DEPS_FUZZ  := libclang-rt-dev

VERSION := 0.1.0
PREFIX  ?= /usr/local
B       := .build
CFLAGS  ?= -O2 -g
CC      := gcc
T       ?=
MODE    ?=

PKGS   := libbpf libelf zlib libmnl
WARN   := -Wall -Wextra -Werror -Wshadow -Wswitch
FLAGS   = -std=gnu11 -D_GNU_SOURCE $(WARN) -Wmissing-prototypes -Iinclude -Iuser -I$(B)
# the kernel gives callbacks and programs their parameters, needed or not
# one struct's members as another's own, see struct facts: what clang calls Microsoft's
BPF_C   = -fms-extensions
BPF     = -O2 -g -target bpf -mcpu=v3 -std=gnu11 $(BPF_C) $(WARN) -Wno-microsoft-anon-tag -Wno-unused-parameter \
	  -Iinclude -I/usr/include/$$(gcc -print-multiarch)

# without warnings: sanitized code makes gcc see overflows that are none, and the plain build has warned of the others
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -w

SKELS := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))
OBJS  := $(patsubst user/%.c,$(B)/user/%.o,$(wildcard user/*.c))
CHECK := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*.c tests/bpf/*.c))
BENCH := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
FUZZ  := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))
MODEL := $(patsubst %.c,$(B)/%,$(wildcard tests/model/*.c))
C     := $(wildcard include/nsfast/*.h bpf/*.[ch] user/*.[ch] tests/*/*.[ch] tests/*/*/*.h)
SH    := $(wildcard .ci/run tests/run tests/*/*.sh tests/*/*.bash tests/*/*.bats)

# bpftool and ip are in sbin, which is not in everyone's path
export PATH := $(PATH):/usr/sbin:/sbin

Q    := $(if $(V),,@)
say   = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all programs bench-programs FORCE deps deps-demo deps-lint deps-fuzz deps-kernels demo check check-kernels asan \
	fuzz fuzz-run bench lint lint-format lint-tidy lint-cppcheck lint-shell lint-rules fmt install clean map help

all: $(B)/nsfast ## build .build/nsfast (V=1 shows the commands)

$(B)/nsfast: $(OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $$(pkg-config --libs $(PKGS)) -lpthread

# what the test programs link with: everything but main
$(B)/user.a: $(filter-out %/main.o,$(OBJS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/user/%.o: user/%.c Makefile | $(SKELS) $(B)/version.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(FLAGS) $$(pkg-config --cflags $(PKGS)) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/fuzz/%: LIBS := -fsanitize=fuzzer
$(B)/tests/fuzz/nat: override CFLAGS += $(BPF_C) -Itests/model
$(B)/tests/%: tests/%.c $(B)/user.a Makefile | $(SKELS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(FLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(B)/user.a $(LIBS) \
		$$(pkg-config --libs $(PKGS)) -lpthread

$(CHECK) $(B)/tests/bench/cost: LIBS := -lcmocka

# the data path's source for this machine's processor: its folder has the kernel's helpers in the place of libbpf's
$(B)/tests/model/%: tests/model/%.c Makefile
	$(call say,MODEL,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 $(BPF_C) -D_GNU_SOURCE -Itests/model -Iinclude -O1 -g $(SANITIZE) -MMD -MP -MF $@.d \
		-MT $@ -o $@ $<

$(B)/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && clang $(BPF) -MMD -MP -c -o $@ $< && llvm-strip -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)bpftool gen skeleton $< name $*_bpf > $@

# the revision is there only in a clone; the file changes only when its text does
$(B)/version.h: FORCE
	@mkdir -p $(B); v=$(VERSION); \
	if [ -e .git ] && g=$$(GIT_OPTIONAL_LOCKS=0 git describe --always --dirty --exclude='*' 2>&1); then v="$$v-$$g"; fi; \
	printf '#pragma once\n#define NSFAST_VERSION "%s"\n' "$$v" > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

-include $(OBJS:.o=.d) $(SKELS:.skel.h=.bpf.d) $(addsuffix .d,$(CHECK) $(BENCH) $(FUZZ) $(MODEL))

programs: all $(CHECK) $(MODEL)
bench-programs: all $(BENCH)

# $(call need,PACKAGES): installs those that are missing and is silent and quick when there are none
define need
@missing=$$(dpkg-query -W -f='$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null | awk -v want='$(1)' ' \
	$$2 == "installed" { have[$$1] } \
	END { n = split(want, w); for (i = 1; i <= n; i++) if (!(w[i] in have)) printf " %s", w[i] }'); \
[ -n "$$missing" ] || exit 0; \
die() { echo "deps: $$*" >&2; exit 1; }; \
command -v apt-get >/dev/null || die "no apt-get here: install what matches$$missing, then 'make programs', tests/run"; \
[ "$$(id -u)" = 0 ] || die "must be root to install$$missing"; \
echo "installing:$$missing"; \
export DEBIAN_FRONTEND=noninteractive; \
apt="apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0"; \
$$apt update </dev/null || echo "deps: not all package lists could be refreshed, going on" >&2; \
$$apt install -y --no-install-recommends $$missing </dev/null >/dev/null || die "apt-get could not install$$missing"
endef

deps: ## install the Debian packages that building and checking need and that are missing
	$(call need,$(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
deps-demo:
	$(call need,$(DEPS_BUILD) $(DEPS_RUN))
deps-lint:
	$(call need,$(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST) $(DEPS_LINT))
deps-fuzz:
	$(call need,$(DEPS_BUILD) $(DEPS_FUZZ))
deps-kernels:
	$(call need,$(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST) $(DEPS_KERNELS))

# Each of these installs first; only the make that it starts then looks at compilers and libraries.
demo: deps-demo ## show it at work in private namespaces
	@$(MAKE) --no-print-directory all
	@$(B)/nsfast demo

check: deps ## run the tests; T='name name' for some files only, MODE=netfilter for all of them in that mode
	@$(MAKE) --no-print-directory programs
	@B='$(B)' T='$(T)' MODE='$(MODE)' tests/run

# Short, it is part of CI: a network's life in both modes, and what the verifier has to go through.
check-kernels: deps-kernels ## the tests on Debian's kernels 6.1 and 6.12, emulated; SHORT=1, KERNELS=6.1, T=name for less, ALL=1
	@$(MAKE) --no-print-directory programs
	@B='$(B)' T='$(T)' MODE='$(MODE)' SHORT='$(SHORT)' ALL='$(ALL)' KERNELS='$(KERNELS)' tests/kernels/run.sh

asan: deps ## unit and bpf tests under the address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory B=.build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' programs
	@B=.build/asan T='$(T)' SUITES='unit bpf' tests/run

fuzz: deps-fuzz ## run each fuzzer for T=60 seconds
	@$(MAKE) --no-print-directory B=.build/fuzz CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)' fuzz-run

fuzz-run: $(FUZZ)
	@for f in $(FUZZ); do n=$${f##*/}; d=tests/fuzz/$$n; mkdir -p $(B)/corpus/$$n; \
		$$f -max_total_time=$(or $(T),60) -artifact_prefix=$(B)/$$n- -print_final_stats=1 \
			$(B)/corpus/$$n $$([ -d $$d ] && echo $$d) || exit 1; done

bench: deps ## measure against a bare veth pair and a kernel bridge
	@$(MAKE) --no-print-directory bench-programs
	@for f in tests/bench/*.sh; do B='$(B)' "$$f" || exit 1; done

lint: deps-lint ## every rule that a command can check
	@$(MAKE) --no-print-directory -k lint-format lint-tidy lint-cppcheck lint-shell lint-rules

lint-format:
	$(call say,FMT,'clang-format')
	$(Q)clang-format --dry-run -Werror $(C)
lint-tidy: $(SKELS) $(B)/version.h
	$(call say,TIDY,'clang-tidy user')
	$(Q)clang-tidy --quiet $(wildcard user/*.c) -- $(FLAGS) 2>$(B)/tidy.log || { cat $(B)/tidy.log; exit 1; }
# cppcheck knows neither scope clean-up nor 'if (!r)' chains: the compiler and the sanitizers look for leaks and for
# what is not set
lint-cppcheck:
	$(call say,CPPC,'cppcheck user')
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
		$(addprefix --suppress=,missingIncludeSystem memleak resourceLeak uninitStructMember uninitvar) \
		--include=/usr/include/libmnl/libmnl.h --include=/usr/include/bpf/libbpf_common.h \
		-Iinclude -Iuser -D_GNU_SOURCE user
lint-shell:
	$(call say,SH,'shellcheck')
	$(Q)shellcheck -x $(SH)
lint-rules:
	$(Q)r=0; for f in tests/lint/*.sh; do [ -n '$(V)' ] || printf '  %-5s %s\n' RULE $$f; $$f || r=1; done; exit $$r

fmt: deps-lint ## put all C into the one form
	@clang-format -i $(C)

install: all ## install below $(DESTDIR)$(PREFIX)
	install -D -m 755 $(B)/nsfast $(DESTDIR)$(PREFIX)/sbin/nsfast
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/nsfast README.md LICENSE

clean: ## remove .build
	rm -rf .build

map: ## every file with its one job
	@awk '/SPDX-License-Identifier/ && FNR < 3 { job = FNR + 1 } \
		FNR == job { gsub(/^(\/\*|#) | \*\/$$/, ""); printf "%-32s %s\n", FILENAME, $$0; nextfile }' \
		Makefile $$(find bpf user include tests .ci -type f | sort)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
