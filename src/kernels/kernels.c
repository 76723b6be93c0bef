#include "kernels/kernels.h"

#include "cpu/cpu.h"
#if defined(__x86_64__)
#include "kernels/x86/kernels_x86.h"
#endif

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
    if (flags & CPU_AMX) {
        k.conv[ELEM_BF16] = conv_bf16_amx;
        k.conv[ELEM_U8] = conv_u8_amx;
        k.conv_split = conv_split_amx;
        k.split_pays = true;
        k.interleave_units = interleave_units_amx;
        k.units_pay = true;
        k.conv_columns = conv_columns_amx;
        k.columns_pay = true;
    }
    kernels_fill_peak_x86(&k, flags);
#elif defined(__aarch64__)
    if (flags & CPU_NEON) {
        kernels_fill_neon(&k);
    }
    if (flags & CPU_DOTPROD) {
        kernels_fill_dotprod(&k);
    }
    kernels_fill_peak_neon(&k, flags);
#else
    (void)flags;
#endif
    return k;
}
