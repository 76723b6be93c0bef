# The two commands, make demo and make test, and their sisters. Meson does the building; this file only calls it.
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
NINJA := ninja -C

.PHONY: help demo demo-photos test build deps lint test-asan test-arm fuzz install clean

help:
	@echo 'make demo         installs what is needed, builds, runs the whole chain on a small data set of its own'
	@echo 'make demo-photos  segments photographs from the Debian package opencv-doc'
	@echo 'make test         builds and runs every test'
	@echo 'make build        leaves $(BUILD)/fastscnn, $(BUILD)/libfastscnn.so and $(BUILD)/checkkernels'
	@echo 'make lint         layers, lengths, format, clang-tidy, cppcheck'
	@echo 'make test-asan    the tests under the address and undefined-behaviour sanitizers'
	@echo 'make test-arm     the engine and its kernels for 64-bit ARM, under qemu'
	@echo 'make fuzz         each parser under libFuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make deps         installs the Debian packages for building and testing'
	@echo 'make install      into PREFIX=$(PREFIX) (below DESTDIR, if set)'
	@echo 'make clean        removes the build folders and demo/'

demo: build
	@BUILD=$(BUILD) tools/demo

demo-photos: build
	@tools/install_deps photos
	@BUILD=$(BUILD) tools/demo_photos

deps:
	@tools/install_deps build test

# A folder whose setup was interrupted has no build.ninja; meson starts it afresh.
$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) --prefix=$(PREFIX) --libdir=lib >/dev/null || { cat $(BUILD)/meson-logs/meson-log.txt; exit 1; }

build: deps $(BUILD)/build.ninja
	@$(NINJA) $(BUILD) programs
	@ln -sf cli/fastscnn $(BUILD)/fastscnn
	@ln -sf src/libfastscnn.so $(BUILD)/libfastscnn.so
	@ln -sf tools/checkkernels $(BUILD)/checkkernels

test: build
	@tests/run $(BUILD)

lint: build
	@tools/install_deps lint
	@tools/lint $(BUILD)

test-asan: deps
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Dbuildtype=debugoptimized \
	    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@$(NINJA) build-asan programs
	@ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:strict_string_checks=1 \
	 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	 tests/run build-asan --timeout-multiplier 5

# What depends on the processor; the rest is the same C.
ARM_TESTS := tensor plan kernels peak golden
test-arm:
	@tools/install_deps arm
	@[ -f build-arm/build.ninja ] || meson setup build-arm --cross-file tools/aarch64-linux.ini >/dev/null
	@tests/run build-arm --timeout-multiplier 10 $(ARM_TESTS)

fuzz:
	@tools/install_deps fuzz
	@[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dbuildtype=debugoptimized -Dfuzz=true \
	    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@SECONDS_EACH=$(FUZZ_SECONDS) tools/fuzz build-fuzz

install: build
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX)) -Dlibdir=lib
	@$(NINJA) $(BUILD) programs
	@meson install -C $(BUILD) --no-rebuild >/dev/null
	@[ -n '$(DESTDIR)' ] || ldconfig 2>/dev/null || true # so that programs find the library at once
	@echo 'Installed below $(DESTDIR)$(PREFIX)'

clean:
	rm -rf $(BUILD) build-asan build-arm build-fuzz demo
