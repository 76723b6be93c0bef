#include "taps.h"

#include <math.h>

#include "buffers.h"

struct tap *make_taps(int pixels, int padded, int in_width, bool anywhere, bool exact) {
    struct tap *taps = buffer_new("taps", BUFFER_FIXED, (size_t)padded * sizeof(struct tap) / sizeof(float));
    const float scale = (float)in_width / (float)pixels;
    for (int x = 0; x < padded; x++) {
        const float at = anywhere ? random_float() * (float)in_width : (float)x * scale;
        const int x0 = (int)at < in_width - 1 ? (int)at : in_width - 1;
        const float fraction = at - floorf(at);
        taps[x].x0 = x < pixels ? x0 : in_width - 1;
        taps[x].x1 = taps[x].x0 + 1 < in_width ? taps[x].x0 + 1 : in_width - 1;
        taps[x].fraction = exact ? floorf(4 * fraction) / 4 : fraction;
    }
    return taps;
}

struct tap_group *make_groups(const struct tap *taps, int padded) {
    struct tap_group *groups =
        buffer_new("tap groups", BUFFER_FIXED, (size_t)padded / TAP_GROUP * sizeof(struct tap_group) / sizeof(float));
    for (int g = 0; g < padded / TAP_GROUP; g++, taps += TAP_GROUP) {
        groups[g] = (struct tap_group){.base = taps[0].x0};
        for (int i = 1; i < TAP_GROUP; i++) {
            groups[g].base = taps[i].x0 < groups[g].base ? taps[i].x0 : groups[g].base;
        }
        for (int i = 0; i < TAP_GROUP; i++) {
            groups[g].index[i] = taps[i].x0 - groups[g].base;
            groups[g].fraction[i] = taps[i].fraction;
            groups[g].reach = groups[g].index[i] + 1 > groups[g].reach ? groups[g].index[i] + 1 : groups[g].reach;
        }
    }
    return groups;
}
