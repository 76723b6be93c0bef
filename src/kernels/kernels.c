#include "kernels/kernels.h"

#include "cpu/cpu.h"

struct kernels kernels_get(uint32_t flags) {
    struct kernels k = {0};
    kernels_fill_ref(&k);
#if defined(__x86_64__)
    if (flags & CPU_AVX2) {
        kernels_fill_avx2(&k);
    }
    if (flags & CPU_AVX_VNNI) {
        kernels_fill_avx_vnni(&k);
    }
    if (flags & CPU_AVX512) {
        kernels_fill_avx512(&k);
    }
    if (flags & CPU_AVX512_VNNI) {
        kernels_fill_avx512_vnni(&k);
    }
    if (flags & CPU_AVX512_BF16) {
        kernels_fill_avx512_bf16(&k);
    }
#elif defined(__aarch64__)
    if (flags & CPU_NEON) {
        kernels_fill_neon(&k);
    }
    if (flags & CPU_DOTPROD) {
        kernels_fill_dotprod(&k);
    }
#else
    (void)flags;
#endif
    return k;
}
