/* Peaks of AMX: tile multiplications alone, into as many independent sums as the convolutions have. */
#include "kernels/x86/amx.h"
#include "kernels/x86/kernels_x86.h"

/* One in every element of the tiles of pixels and weights. */
static void fill_operands(uint32_t ones) {
    uint32_t rows[AMX_PIXELS * AMX_ROW_BYTES / 4];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rows[i] = ones;
    }
    amx_configure(AMX_PIXELS, AMX_ROW_BYTES, AMX_WEIGHTS);
    amx_see_stores();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, rows, AMX_ROW_BYTES);
    _tile_loadd(5, rows, AMX_ROW_BYTES);
    _tile_loadd(6, rows, AMX_ROW_BYTES);
    _tile_loadd(7, rows, AMX_ROW_BYTES);
}

uint64_t peak_bf16_amx(uint64_t rounds) {
    fill_operands(0x3f803f80);
    for (uint64_t i = 0; i < rounds; i++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return rounds * 4 * 16 * 16 * 32 * 2;
}

uint64_t peak_u8_amx(uint64_t rounds) {
    fill_operands(0x01010101);
    for (uint64_t i = 0; i < rounds; i++) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_release();
    return rounds * 4 * 16 * 16 * 64 * 2;
}
