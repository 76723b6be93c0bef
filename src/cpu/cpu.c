#include "cpu/cpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastscnn/fastscnn.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Which register states the operating system saves: bits 1, 2 for YMM, 5 to 7 for ZMM. */
static uint64_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool bit(uint32_t word, int index) { return word >> index & 1; }

/* Linux keeps room for tiles (8 KB a thread) only in processes that ask for it. */
static bool may_use_tiles(uint64_t saved) {
    enum { REQUEST_STATE = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
#if defined(__linux__)
    return (saved >> 17 & 3) == 3 && syscall(SYS_arch_prctl, REQUEST_STATE, TILE_DATA) == 0;
#else
    (void)saved;
    return false;
#endif
}

uint32_t cpu_flags_found(void) {
    unsigned a, b, c, d, b7, c7, d7, a71 = 0, ignored;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27) /* OSXSAVE */ || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) {
        return 0;
    }
    if (a >= 1) {
        __get_cpuid_count(7, 1, &a71, &ignored, &ignored, &ignored);
    }
    uint64_t saved = read_xcr0();
    uint32_t flags = 0;
    if ((saved & 0x6) == 0x6 && bit(c, 12) /* FMA */ && bit(c, 29) /* F16C */ && bit(b7, 5)) {
        flags |= CPU_AVX2 | (bit(a71, 4) ? CPU_AVX_VNNI : 0);
        if ((saved & 0xe6) == 0xe6 && bit(b7, 16) && bit(b7, 17) && bit(b7, 30) && bit(b7, 31)) {
            flags |= CPU_AVX512 | (bit(c7, 11) ? CPU_AVX512_VNNI : 0) | (bit(a71, 5) ? CPU_AVX512_BF16 : 0);
            const bool tiles = bit(d7, 22) && bit(d7, 24) && bit(d7, 25); /* AMX-BF16, AMX-TILE, AMX-INT8 */
            if (tiles && bit(c7, 1) /* VBMI */ && bit(c7, 11) && bit(a71, 5) && may_use_tiles(saved)) {
                flags |= CPU_AMX;
            }
        }
    }
    return flags;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

uint32_t cpu_flags_found(void) {
    return CPU_NEON | (getauxval(AT_HWCAP) >> 20 & 1 /* HWCAP_ASIMDDP */ ? CPU_DOTPROD : 0);
}
#else
uint32_t cpu_flags_found(void) { return 0; }
#endif

/* The words of FASTSCNN_CPU. */
static const struct {
    const char *text;
    uint32_t flags;
} words[] = {{"c", 0},     {"avx2", CPU_AVX2}, {"avxvnni", CPU_AVX2 | CPU_AVX_VNNI}, {"avx512", ~(uint32_t)CPU_AMX},
             {"amx", ~0U}, {"neon", CPU_NEON}};

static bool find_word(const char *word, uint32_t *flags) {
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].text) == 0) {
            *flags = words[i].flags;
            return true;
        }
    }
    return false;
}

static uint32_t allowed_flags(void) {
    const char *word = getenv("FASTSCNN_CPU");
    uint32_t flags = ~0U;
    return word && find_word(word, &flags) ? flags : ~0U;
}

const char *cpu_word_unknown(void) {
    const char *word = getenv("FASTSCNN_CPU");
    uint32_t ignored;
    return word && *word && !find_word(word, &ignored) ? word : NULL;
}

uint32_t cpu_flags_used(void) {
    static _Atomic uint32_t cached; /* flags + 1, so that 0 means "not looked yet" */
    uint32_t value = atomic_load_explicit(&cached, memory_order_relaxed);
    if (value == 0) {
        value = (cpu_flags_found() & allowed_flags()) + 1;
        atomic_store_explicit(&cached, value, memory_order_relaxed);
    }
    return value - 1;
}

const char *cpu_flags_text(uint32_t flags, char *text, int size) {
    static const char *const names[] = {"AVX2",     "AVX-512", "AVX-512-VNNI", "AVX-512-BF16",
                                        "AVX-VNNI", "NEON",    "DOTPROD",      "AMX"};
    int used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && used < size; i++) {
        if (flags >> i & 1) {
            used += snprintf(text + used, (size_t)(size - used), "%s%s", used ? " " : "", names[i]);
        }
    }
    return text;
}

const char *fscnn_cpu_isa(void) {
    uint32_t flags = cpu_flags_used();
    return flags & CPU_AMX      ? "amx"
           : flags & CPU_AVX512 ? "avx512"
           : flags & CPU_AVX2   ? "avx2"
           : flags & CPU_NEON   ? "neon"
                                : "c";
}
