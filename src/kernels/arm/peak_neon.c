/* Peaks of AArch64; peak_x86.c says why they are in assembly. */
#include "cpu/cpu.h"
#include "kernels/kernels.h"

#define VECTOR_REGISTERS                                                                                               \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",       \
        "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"

/* X of each of 24 accumulators. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define TWENTY_FOUR(X) TWELVE(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)

/* Runs BODY `rounds` times with ones in v31, made by ONES. */
#define LOOP(rounds, ONES, BODY)                                                                                       \
    __asm__ volatile(ONES "\n\t" TWENTY_FOUR(CLEAR) ".p2align 5\n1:\n\t" BODY "subs %[left], %[left], #1\n\t"          \
                                                    "b.ne 1b"                                                          \
                     : [left] "+r"(rounds)                                                                             \
                     :                                                                                                 \
                     : "cc", VECTOR_REGISTERS)

#define CLEAR(i) "movi v" #i ".16b, #0\n\t"
#define FMLA(i) "fmla v" #i ".4s, v31.4s, v31.4s\n\t"
#define SDOT(i) "sdot v" #i ".4s, v31.16b, v31.16b\n\t"
/* What takes the place of SDOT without the dot-product extension. */
#define MULL(i)                                                                                                        \
    "smull v30.8h, v31.8b, v31.8b\n\t"                                                                                 \
    "smlal2 v30.8h, v31.16b, v31.16b\n\t"                                                                              \
    "sadalp v" #i ".4s, v30.8h\n\t"

static uint64_t peak_f32_neon(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, "fmov v31.4s, #1.0", TWENTY_FOUR(FMLA));
    return rounds * 24 * 4 * 2;
}

static uint64_t peak_u8_neon(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, "movi v31.16b, #1", TWENTY_FOUR(MULL));
    return rounds * 24 * 16 * 2;
}

static uint64_t peak_u8_dotprod(uint64_t rounds) {
    uint64_t left = rounds;
    LOOP(left, ".arch armv8.2-a+dotprod\n\tmovi v31.16b, #1", TWENTY_FOUR(SDOT));
    return rounds * 24 * 16 * 2;
}

void kernels_fill_peak_neon(struct kernels *k, uint32_t flags) {
    if (flags & CPU_NEON) {
        k->peak[ELEM_F32] = k->peak[ELEM_BF16] = peak_f32_neon;
        k->peak[ELEM_U8] = flags & CPU_DOTPROD ? peak_u8_dotprod : peak_u8_neon;
    }
}
