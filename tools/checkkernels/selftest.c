/* Faults of kernels, which the check must find and name; and a right kernel, in which it must find nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkkernels.h"

enum { SELFTEST_SHAPES = 100, SELFTEST_SEED = 1 };

static struct kernels plain;

static void add_plain(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                      int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    plain.add_f32(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
}

static void add_wrong_last(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                           int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    uint32_t *bits = (uint32_t *)(void *)&out[(width - 1) * out_stride + channels - 1];
    *bits ^= 1;
}

static void add_behind_row(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                           int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    if (width > 1 && out_stride > channels) {
        out[channels] = 0;
    }
}

static void add_writes_past(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                            int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    ((volatile float *)out)[(width - 1) * out_stride + channels] = 0;
}

static void add_writes_before(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                              int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    ((volatile float *)out)[-1] = 0;
}

static void add_reads_past(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                           int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    (void)((const volatile float *)in)[(width - 1) * in_stride + channels];
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
}

static void add_writes_input(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride,
                             int width, int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    if (in != out) {
        ((float *)in)[0] = 1;
    }
}

static void add_loses_nan(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                          int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    out[0] = out[0] != out[0] ? low : out[0];
}

static void add_illegal(const float *in, ptrdiff_t in_stride, const float *addend, ptrdiff_t addend_stride, int width,
                        int channels, float low, float high, float *out, ptrdiff_t out_stride) {
    add_plain(in, in_stride, addend, addend_stride, width, channels, low, high, out, out_stride);
    raise(SIGILL);
}

/* Adds up from the other end, which rounds otherwise, and multiplies. */
static void sum_backward_times(const float *in, ptrdiff_t in_stride, int pixels, int channels, float *out,
                               float factor) {
    for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int x = pixels - 1; x >= 0; x--) {
            sum += in[x * in_stride + c];
        }
        out[c] = factor * (out[c] + sum);
    }
}

static void sum_other_order(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    sum_backward_times(in, in_stride, pixels, channels, out, 1.0F);
}
static void sum_imprecise(const void *in, ptrdiff_t in_stride, int pixels, int channels, float *out) {
    sum_backward_times(in, in_stride, pixels, channels, out, 1.001F);
}

static void conv_u8_one_level(const struct conv_args *p) {
    plain.conv[ELEM_U8](p);
    if (p->out_type == ELEM_U8) {
        *(uint8_t *)p->out ^= 1;
    }
}

/* Of equal values it takes the last. */
static void labels_last_of_ties(const struct upsample_args *p) {
    float *values = malloc(sizeof(float) * (size_t)p->channels * (size_t)p->pixels);
    struct upsample_args all = *p;
    uint8_t *out = p->out;
    all.out = values;
    all.out_plane = p->pixels;
    plain.upsample_f32(&all);
    for (int x = 0; x < p->pixels; x++) {
        out[x] = 0;
        for (int c = 1; c < p->channels; c++) {
            out[x] = values[c * p->pixels + x] >= values[out[x] * p->pixels + x] ? (uint8_t)c : out[x];
        }
    }
    free(values);
}

#define FAULTY(...) (&(const struct kernels){__VA_ARGS__})
static const struct {
    const char *what;
    const char *kernel;
    const struct kernels *faulty; /* the one kernel */
    const char *message;          /* what the check has to say; NULL: nothing */
} selftests[] = {
    {"a right kernel passes", "add_f32", FAULTY(.add_f32 = add_plain), NULL},
    {"a sum in another order passes", "sum_f32", FAULTY(.sum = {sum_other_order}), NULL},
    {"finds the last bit of the last element", "add_f32", FAULTY(.add_f32 = add_wrong_last), "1 of "},
    {"finds a sum less precise than its tolerance", "sum_f32", FAULTY(.sum = {sum_imprecise}), "outputs differ"},
    {"finds a byte that is one level off", "conv_u8", FAULTY(.conv = {[ELEM_U8] = conv_u8_one_level}), "[0, 0]"},
    {"finds a lost NaN", "add_f32", FAULTY(.add_f32 = add_loses_nan), "expected nan"},
    {"finds the wrong label among equals", "upsample_labels", FAULTY(.upsample_labels = labels_last_of_ties),
     "outputs differ"},
    {"finds a write between rows", "add_f32", FAULTY(.add_f32 = add_behind_row), "wrote behind row 0"},
    {"finds a write past the output", "add_f32", FAULTY(.add_f32 = add_writes_past),
     "0 bytes past the end of the output"},
    {"finds a write before the output", "add_f32", FAULTY(.add_f32 = add_writes_before), "bytes before the output"},
    {"finds a read past an input", "add_f32", FAULTY(.add_f32 = add_reads_past), "touched 0 bytes past the end of"},
    {"finds a write into an input", "add_f32", FAULTY(.add_f32 = add_writes_input), "wrote into its input in"},
    {"survives an instruction that is not there", "add_f32", FAULTY(.add_f32 = add_illegal), "signal 4"},
};

static const struct kernel *find_kernel(const char *name) {
    const struct kernel *kernel = kernel_list;
    while (strcmp(kernel->name, name) != 0) {
        kernel++;
    }
    return kernel;
}

void selftest_all(const char *pattern) {
    plain = kernels_get(0);
    for (size_t i = 0; i < sizeof(selftests) / sizeof(selftests[0]); i++) {
        char text[640] = "";
        if (!name_matches(pattern, "selftest:", selftests[i].what)) {
            continue;
        }
        const bool passed = check_kernel(find_kernel(selftests[i].kernel), selftests[i].faulty, SELFTEST_SEED,
                                         SELFTEST_SHAPES, text, sizeof(text));
        const bool good = selftests[i].message ? !passed && strstr(text, selftests[i].message) : passed;
        tap_result(good, "selftest:", selftests[i].what, "");
        if (!good) {
            printf("#   %s\n", passed ? "found nothing" : text);
        }
    }
}
