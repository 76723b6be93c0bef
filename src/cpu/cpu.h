/* What this processor can do. */
#ifndef FSCNN_CPU_CPU_H
#define FSCNN_CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* One bit for each group of instructions that some kernel needs. */
enum cpu_flag {
    CPU_AVX2 = 1 << 0,        /* with FMA and F16C */
    CPU_AVX512 = 1 << 1,      /* F, BW, DQ, VL */
    CPU_AVX512_VNNI = 1 << 2, /* vpdpbusd, 512 bits */
    CPU_AVX512_BF16 = 1 << 3, /* vdpbf16ps */
    CPU_AVX_VNNI = 1 << 4,    /* vpdpbusd, 256 bits, VEX */
    CPU_NEON = 1 << 5,
    CPU_DOTPROD = 1 << 6, /* AArch64 SDOT/UDOT */
    CPU_AMX = 1 << 7,     /* tiles of int8 and bfloat16, beside AVX-512 VNNI, BF16 and VBMI */
};

/* As many threads as a team has at most; machines may have more. */
enum { CPU_MOST_THREADS = 256 };

/* What processor and operating system offer together (on x86: CPUID and XGETBV). */
uint32_t cpu_flags_found(void);
/* The same lowered by the environment variable FASTSCNN_CPU: c, avx2, avxvnni, avx512, amx, neon. Read once; an
 * unknown word lowers nothing, but no session is made under it. */
uint32_t cpu_flags_used(void);
/* What FASTSCNN_CPU says where that is none of these words, else NULL. */
const char *cpu_word_unknown(void);

/* Names of set flags, "AVX2 AVX-512 ...", into text. */
const char *cpu_flags_text(uint32_t flags, char *text, int size);

#endif
