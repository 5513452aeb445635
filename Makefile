# sipmix: `make demo` shows it, `make check` proves it.
#   BUILD=DIR builds elsewhere; T=name picks unit tests, fuzz targets or benches by a part of their name; V=1 shows commands.
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
OPT     ?= -O2 -g
SAN     ?=
PREFIX  ?= /usr/local
FUZZ_SECONDS ?= 60

PKGS_CORE   := libsodium libcrypto nettle jansson libsrtp2 libosip2 libqrencode zlib
PKGS_DAEMON := libevent_core libevent_extra libevent_openssl libssl sqlite3 inih

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE \
           $(if $(filter x86_64,$(shell uname -m)),-fcf-protection,-mbranch-protection=standard)
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -I. $(OPT) $(WARN) $(HARDEN) $(if $(SAN),$(SAN) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2) \
             -MMD -MP $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SAN) $(LDFLAGS)

# Layers, lowest first.  A folder may include what stands left of it (tests/lint/includes checks that).
CORES := proto/base proto/crypto proto/link proto/stream proto/circuit proto/media proto/e2e proto/doc \
         relay/exit relay client/sip client client/web directory sim sim/adversary
IMPURE := proto/host keys

objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
lib  = $(BUILD)/$(1)/lib$(subst /,-,$(1)).a
libs = $(foreach d,$(1),$(if $(wildcard $(d)/*.c),$(call lib,$(d))))
CORE_LIBS := $(call libs,$(CORES))
HOST_LIBS := $(call libs,$(IMPURE))
# What a test of folder $(1) links: the cores up to its own; for proto/host and keys, what they include.
upto = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto,$(1),$(wordlist 2,$(words $(2)),$(2)))))
layer_libs  = $(if $(filter $(1),$(CORES)),$(call libs,$(call upto,$(1),$(CORES))),\
              $(call libs,$(filter $(1),$(IMPURE))) $(call source_libs,$(wildcard $(1)/*.[ch]),$(1)))
# What the sources $(1) need, from what they include; $(2) is their own folder.
source_libs = $(sort $(foreach d,$(filter-out $(2),$(filter $(call included,$(1)),$(CORES) $(IMPURE))),$(call layer_libs,$(d))))
included    = $(if $(1),$(shell sed -n 's|^.include "\(.*\)/[^/]*"|\1|p' $(1)))
picked = $(if $(T),$(foreach s,$(1),$(if $(findstring $(T),$(s)),$(s))),$(1))

# Programs: main() and the thin parts around a core stand in daemon/ or tool/.
MAINS    := $(patsubst %/,%,$(sort $(dir $(wildcard relay/daemon/*.c client/daemon/*.c directory/daemon/*.c keys/tool/*.c sim/tool/*.c))))
PROGRAMS := $(foreach m,$(MAINS),$(BUILD)/sipmix-$(patsubst %/,%,$(dir $(m))))

UNIT_SRC  := $(sort $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c))
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
TOOL_SRC  := $(wildcard tests/support/wire.c tests/tools/*.c)
SOAK_SRC  := $(wildcard tests/soak/*.c)
SUPPORT   := $(BUILD)/tests/support/libsupport.a
UNIT  := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ  := $(FUZZ_SRC:%.c=$(BUILD)/%)
BENCH := $(BENCH_SRC:%.c=$(BUILD)/%)
TOOLS := $(TOOL_SRC:%.c=$(BUILD)/%)
SOAK  := $(SOAK_SRC:%.c=$(BUILD)/%)

# Of spandsp one object of 2 KB is used; its shared library would bring libtiff and what that needs.
LIBS_CORE   = $(shell pkg-config --libs $(PKGS_CORE)) -losipparser2 -l:libspandsp.a -lm
LIBS_DAEMON = $(shell pkg-config --libs $(PKGS_DAEMON)) -lpthread
Q   := $(if $(V),,@)
SAY  = @$(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),:,echo '  $(1) $@')
LINK = $(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

all: $(PROGRAMS)

# Everything is built anew when the compiler or a flag changes.
FLAGS := $(BUILD)/flags
ifneq ($(strip $(CC) $(CFLAGS_ALL)),$(strip $(file <$(FLAGS))))
$(FLAGS): FORCE
endif
$(FLAGS):
	@mkdir -p $(@D)
	@printf '%s\n' '$(strip $(CC) $(CFLAGS_ALL))' >$@

$(BUILD)/%.o: %.c $(FLAGS)
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# The local page's files stand in the program as they are.
$(BUILD)/client/web/page.o: $(wildcard client/web/page.html client/web/page.css client/web/page.js client/web/icon.svg)

define archive
$(call lib,$(1)): $(call objs,$(1))
	@rm -f $$@
	$$(call SAY,AR)
	$(Q)ar rcs $$@ $$^
endef
$(foreach d,$(CORES) $(IMPURE),$(eval $(call archive,$(d))))

define program
$(BUILD)/sipmix-$(patsubst %/,%,$(dir $(1))): $(call objs,$(1)) $(call source_libs,$(wildcard $(1)/*.[ch]),$(1))
	$$(call SAY,LD)
	$$(LINK) $$(LIBS_CORE) $(if $(filter sim/%,$(1)),,$$(LIBS_DAEMON))
endef
$(foreach m,$(MAINS),$(eval $(call program,$(m))))

# A relay whose cells tests look into: the program's objects, with the onion layer's functions wrapped.
.PHONY: view
view: $(if $(wildcard tests/privacy/view.c),$(BUILD)/view/sipmix-relay)
$(BUILD)/view/sipmix-relay: LDFLAGS += -Wl,--wrap=smx_hop_encipher,--wrap=smx_hop_decipher
$(BUILD)/view/sipmix-relay: $(BUILD)/tests/privacy/view.o $(call objs,relay/daemon) \
                            $(call source_libs,$(wildcard relay/daemon/*.[ch]),relay/daemon)
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(LINK) $(LIBS_CORE) $(LIBS_DAEMON)

$(SUPPORT): $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TOOL_SRC),$(wildcard tests/support/*.c)))
	@mkdir -p $(@D) && rm -f $@
	$(call SAY,AR)
	$(Q)ar rcs $@ $^

# A unit test is one cmocka program, linked with the archives of its own layer and those left of it.
define unit
$(BUILD)/tests/unit/$(1): $(BUILD)/tests/unit/$(1).o $(SUPPORT) $(call layer_libs,$(patsubst %/,%,$(dir $(1))))
	$$(call SAY,LD)
	$$(LINK) -lcmocka $$(LIBS_CORE) $$(LIBS_DAEMON)
endef
$(foreach u,$(patsubst tests/unit/%.c,%,$(UNIT_SRC)),$(eval $(call unit,$(u))))

# Fuzz targets, benches, tools and soak programs take their layers from what they include.
$(BUILD)/tests/fuzz/%.o: CFLAGS += -Wno-missing-prototypes # libFuzzer declares its entry nowhere
define small
$(BUILD)/$(1): $(BUILD)/$(1).o $(if $(filter tests/soak/%,$(1)),$(SUPPORT)) $(call source_libs,$(1).c)
	$$(call SAY,LD)
	$$(LINK) $(if $(filter tests/fuzz/%,$(1)),-fsanitize=fuzzer) $$(LIBS_CORE) $$(LIBS_DAEMON)
endef
$(foreach s,$(patsubst %.c,%,$(FUZZ_SRC) $(BENCH_SRC) $(TOOL_SRC) $(SOAK_SRC)),$(eval $(call small,$(s))))

unit: $(patsubst %.c,$(BUILD)/%,$(call picked,$(UNIT_SRC)))
	@test -n "$^" || { echo "no unit test is called *$(T)*" >&2; exit 1; }
	@for t in $^; do echo "== $$t"; $$t || exit 1; done

# The parts of `make check`, built only; tests/run runs them.
.PHONY: libs unit-programs fuzz-programs bench-programs layers
libs: $(CORE_LIBS) $(HOST_LIBS)
unit-programs: $(UNIT) $(TOOLS)
fuzz-programs: $(patsubst %.c,$(BUILD)/%,$(call picked,$(FUZZ_SRC)))
soak-programs: $(SOAK)
bench-programs: $(patsubst %.c,$(BUILD)/%,$(call picked,$(BENCH_SRC)))
layers:
	@echo $(CORES)
	@echo $(IMPURE)

deps:
	@tests/support/deps check

check:
	@tests/support/deps check
	@BUILD=$(BUILD) tests/run check

asan fuzz bench:
	@tests/support/deps check
	@BUILD=$(BUILD) T=$(T) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run $@

attacks:
	@tests/support/deps check
	@BUILD=$(BUILD) T=$(T) SEEDS=$(SEEDS) tests/run $@

# A seed that is done stands in the state file: this goes on where it ended.
SWARM_SEEDS ?= 1..10000
swarm: all
	@mkdir -p $(BUILD)/swarm
	$(BUILD)/sipmix-sim swarm --seeds $(SWARM_SEEDS) --state $(BUILD)/swarm/state --json $(BUILD)/swarm/report.json

soak matrix:
	@tests/support/deps check
	@BUILD=$(BUILD) T=$(T) tests/run $@

# Arguments of these two travel in the environment: RELAYS, CLIENTS, EXITS, NETNS, PLACE.
demo testnet:
	@tests/support/deps demo
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tests/integration/$@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/sipmix/scenarios sim/scenarios/*.scenario
	for s in 1 5 8; do for page in docs/man/*.$$s; do \
	    test ! -e $$page || install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$$s $$page || exit 1; \
	done; done

clean:
	rm -rf $(BUILD)

.PHONY: all unit deps check asan fuzz bench soak matrix attacks swarm demo testnet install clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(BUILD) $(foreach v,asan clang fuzz,-path $(BUILD)/$(v) -prune -o) -name '*.d' -print 2>/dev/null)
