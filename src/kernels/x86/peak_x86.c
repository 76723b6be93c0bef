/* Peaks of x86: loops of nothing but the multiply instructions that kernels use, or of loads and stores.
 *
 * In assembly, because the figure is right only while nothing else is in the loop; the assembler needs no options for
 * it, so that all instruction sets share this file. Instructions go through independent accumulators, enough to hide
 * their latency (up to 6 cycles on two ports). Operands are ones: zeros would use less power, and clock higher, than
 * real work.
 */
#include "cpu/cpu.h"
#include "kernels/kernels.h"
#include "kernels/x86/kernels_x86.h"

#if defined(__AVX512F__)
#define UPPER_REGISTERS                                                                                                \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31"
#else
#define UPPER_REGISTERS /* the compiler does not use them */
#endif
#define VECTOR_REGISTERS                                                                                               \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",         \
        "xmm13", "xmm14", "xmm15" UPPER_REGISTERS

/* X of each of 12 accumulators, and of 24. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define TWENTY_FOUR(X) TWELVE(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)

/* Runs BODY `rounds` times with `ones` in every lane of register ONE, 32 bits wide. */
#define LOOP(rounds, ones, ONE, CLEAR, BODY)                                                                           \
    __asm__ volatile("vbroadcastss %[one], %%" ONE "\n\t" CLEAR ".p2align 5\n"                                         \
                     "1:\n\t" BODY "dec %[left]\n\t"                                                                   \
                     "jnz 1b\n\t"                                                                                      \
                     "vzeroupper"                                                                                      \
                     : [left] "+r"(rounds)                                                                             \
                     : [one] "m"(ones)                                                                                 \
                     : "cc", VECTOR_REGISTERS)

#define CLEAR_YMM(i) "vxorps %%ymm" #i ", %%ymm" #i ", %%ymm" #i "\n\t"
#define CLEAR_ZMM(i) "vpxord %%zmm" #i ", %%zmm" #i ", %%zmm" #i "\n\t"
#define FMA_YMM(i) "vfmadd231ps %%ymm15, %%ymm15, %%ymm" #i "\n\t"
#define FMA_ZMM(i) "vfmadd231ps %%zmm31, %%zmm31, %%zmm" #i "\n\t"
#define DPBF16_ZMM(i) "vdpbf16ps %%zmm31, %%zmm31, %%zmm" #i "\n\t"
#define DPBUSD_ZMM(i) "vpdpbusd %%zmm31, %%zmm31, %%zmm" #i "\n\t"
#define DPBUSD_YMM(i) "%{vex%} vpdpbusd %%ymm15, %%ymm15, %%ymm" #i "\n\t"
/* What takes the place of vpdpbusd in AVX2. */
#define MADDUBS_YMM(i)                                                                                                 \
    "vpmaddubsw %%ymm15, %%ymm15, %%ymm14\n\t"                                                                         \
    "vpmaddwd %%ymm15, %%ymm14, %%ymm14\n\t"                                                                           \
    "vpaddd %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"

static const float one_f32 = 1.0F;
static const uint16_t ones_bf16[2] = {0x3f80, 0x3f80};
static const uint8_t ones_u8[4] = {1, 1, 1, 1};

static uint64_t peak_f32_avx2(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, one_f32, "ymm15", TWELVE(CLEAR_YMM), TWELVE(FMA_YMM));
    return rounds * 12 * 8 * 2;
}

static uint64_t peak_u8_avx2(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, ones_u8, "ymm15", TWELVE(CLEAR_YMM), TWELVE(MADDUBS_YMM));
    return rounds * 12 * 32 * 2;
}

static uint64_t peak_u8_avxvnni(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, ones_u8, "ymm15", TWELVE(CLEAR_YMM), TWELVE(DPBUSD_YMM));
    return rounds * 12 * 32 * 2;
}

static uint64_t peak_f32_avx512(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, one_f32, "zmm31", TWENTY_FOUR(CLEAR_ZMM), TWENTY_FOUR(FMA_ZMM));
    return rounds * 24 * 16 * 2;
}

static uint64_t peak_bf16_avx512(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, ones_bf16, "zmm31", TWENTY_FOUR(CLEAR_ZMM), TWENTY_FOUR(DPBF16_ZMM));
    return rounds * 24 * 32 * 2;
}

static uint64_t peak_u8_avx512vnni(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, ones_u8, "zmm31", TWENTY_FOUR(CLEAR_ZMM), TWENTY_FOUR(DPBUSD_ZMM));
    return rounds * 24 * 64 * 2;
}

/* Runs BODY for every PEAK_LINE bytes. */
#define SWEEP(at, end, BODY)                                                                                           \
    for (; at < end; at += PEAK_LINE) {                                                                                \
        __asm__ volatile(BODY : : [at] "r"(at) : "memory", VECTOR_REGISTERS);                                          \
    }

static void read_avx2(const void *data, size_t bytes) {
    const char *at = data, *end = at + bytes;
    SWEEP(at, end,
          "vmovaps (%[at]), %%ymm0\n\t"
          "vmovaps 32(%[at]), %%ymm1\n\t"
          "vmovaps 64(%[at]), %%ymm2\n\t"
          "vmovaps 96(%[at]), %%ymm3\n\t"
          "vmovaps 128(%[at]), %%ymm4\n\t"
          "vmovaps 160(%[at]), %%ymm5\n\t"
          "vmovaps 192(%[at]), %%ymm6\n\t"
          "vmovaps 224(%[at]), %%ymm7")
    __asm__ volatile("vzeroupper" : : : VECTOR_REGISTERS);
}

static void read_avx512(const void *data, size_t bytes) {
    const char *at = data, *end = at + bytes;
    SWEEP(at, end,
          "vmovaps (%[at]), %%zmm0\n\t"
          "vmovaps 64(%[at]), %%zmm1\n\t"
          "vmovaps 128(%[at]), %%zmm2\n\t"
          "vmovaps 192(%[at]), %%zmm3")
    __asm__ volatile("vzeroupper" : : : VECTOR_REGISTERS);
}

/* Around the caches, as the kernels write logits: a plain store reads its line first. */
static void write_avx2(void *data, size_t bytes) {
    char *at = data, *end = at + bytes;
    SWEEP(at, end,
          "vxorps %%ymm0, %%ymm0, %%ymm0\n\t"
          "vmovntps %%ymm0, (%[at])\n\t"
          "vmovntps %%ymm0, 32(%[at])\n\t"
          "vmovntps %%ymm0, 64(%[at])\n\t"
          "vmovntps %%ymm0, 96(%[at])\n\t"
          "vmovntps %%ymm0, 128(%[at])\n\t"
          "vmovntps %%ymm0, 160(%[at])\n\t"
          "vmovntps %%ymm0, 192(%[at])\n\t"
          "vmovntps %%ymm0, 224(%[at])")
    __asm__ volatile("sfence\n\tvzeroupper" : : : "memory", VECTOR_REGISTERS);
}

void kernels_fill_peak_x86(struct kernels *k, uint32_t flags) {
    if (flags & CPU_AVX2) {
        k->peak[ELEM_F32] = k->peak[ELEM_BF16] = peak_f32_avx2;
        k->peak[ELEM_U8] = flags & CPU_AVX_VNNI ? peak_u8_avxvnni : peak_u8_avx2;
        k->peak_read = read_avx2;
        k->peak_write = write_avx2;
    }
    if (flags & CPU_AVX512) {
        k->peak[ELEM_F32] = k->peak[ELEM_BF16] = peak_f32_avx512;
        k->peak_read = read_avx512;
    }
    if (flags & CPU_AVX512_BF16) {
        k->peak[ELEM_BF16] = peak_bf16_avx512;
    }
    if (flags & CPU_AVX512_VNNI) {
        k->peak[ELEM_U8] = peak_u8_avx512vnni;
    }
    if (flags & CPU_AMX) {
        k->peak[ELEM_BF16] = peak_bf16_amx;
        k->peak[ELEM_U8] = peak_u8_amx;
    }
}
