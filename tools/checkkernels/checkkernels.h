/* checkkernels: every kernel on every instruction set that this processor has, against the plain C one.
 *
 * kernels.list names the kernels. An operation (op_*.c) knows how to call those of one signature: it makes the
 * arguments of random cases, to check (check.c), and of the network's shapes, to time (bench.c). */
#ifndef FSCNN_CHECKKERNELS_CHECKKERNELS_H
#define FSCNN_CHECKKERNELS_CHECKKERNELS_H

#include "kernels/kernels.h"
#include "output.h"

struct call;

struct operation {
    void (*draw)(struct call *c);           /* a random case */
    bool (*network)(struct call *c, int i); /* the i-th shape of Fast-SCNN at 1024x2048; false: there is none */
    void (*run)(const struct kernels *k, const struct call *c);
};

struct kernel {
    const char *name;
    size_t offset; /* in struct kernels */
    const struct operation *operation;
    int type; /* enum elem */
    double tolerance;
};

enum { MAX_SEGMENTS = 4, MAX_KERNEL = 5 };

/* Arguments of the kernels that have no struct of their own. */
struct row_args {
    const void *in, *addend;
    const uint8_t *rows[3]; /* interleave_units */
    ptrdiff_t in_stride, addend_stride;
    int width, channels;
    float low, high;
    const float (*table)[256];
    void *out;
    ptrdiff_t out_stride;
};

/* One call, ready to make. */
struct call {
    const struct kernel *kernel;
    int type; /* the kernel's */
    union {
        struct conv_args conv;
        struct columns_args columns;
        struct depthwise_args depthwise;
        struct resize_args resize;
        struct upsample_args upsample;
        struct row_args row;
    } args;
    struct conv_segment segments[MAX_SEGMENTS];
    const void *rows[MAX_KERNEL];
    const float *whole_weights; /* conv_split: [blocks, K, 16], of which args.conv.weights are the parts */
    struct output out;
    char text[160]; /* the shape */
    /* For timing: how much the call does, arithmetic of which element type, and how much it must read and write. */
    double operations, bytes;
    int arithmetic;
};

/* Random cases of one element type have positive numbers at first. This runs plain C on them, for the sums of
 * magnitudes, and gives them signs. */
void call_measure_magnitudes(struct call *c);
void random_clamp(int type, float *low, float *high); /* of an output */

extern const struct operation operation_conv, operation_conv_split, operation_conv_columns, operation_depthwise,
    operation_resize, operation_upsample_f32, operation_upsample_labels, operation_load_u8, operation_recover_u8,
    operation_load_u8_bf16, operation_load_u8_u8, operation_interleave_units, operation_interleave_f32,
    operation_deinterleave_f32, operation_add_f32, operation_sum, operation_to_f32, operation_from_f32,
    operation_to_half;

extern const char *const elem_names[]; /* "f32", ... by enum elem */
extern const struct kernel kernel_list[];
extern const int num_kernels;

/* ---- instruction sets ---- */

enum { MAX_ISAS = 34 };
struct isa {
    char name[24]; /* "c", "avx2", "avx512vnni", ... */
    struct kernels kernels;
};

/* Tables for growing sets of the flags that this processor has, beginning with plain C; returns how many. Each is named
 * after the flag that it has more than the one before. */
int isas_find(struct isa isas[MAX_ISAS]);
/* Whether isas[i] has a kernel that isas[i - 1] has not. */
bool isa_has_own(const struct isa *isas, int i, const struct kernel *kernel);
/* Whether "conv_f32 avx2" matches: contains the pattern, or as a whole where that has wildcards. NULL matches all. */
bool name_matches(const char *pattern, const char *kernel, const char *isa);

/* Says that nothing matches, and what there is; returns the exit code 1. */
int no_match(const char *pattern, const struct isa *isas, int num_isas);

/* ---- what the tool does ---- */

/* `shapes` random cases of a kernel from a table against plain C. Otherwise text says which case, and what was wrong.
 */
bool check_kernel(const struct kernel *kernel, const struct kernels *table, uint32_t seed, int shapes, char *text,
                  size_t size);
/* Prints one line of TAP, and counts it. */
void tap_result(bool good, const char *name, const char *isa, const char *detail);
/* Known faults, which the check must find: a line of TAP each, "selftest: FAULT", if that matches. */
void selftest_all(const char *pattern);

/* The whole runs; they return the exit code. Lines of TAP for each kernel and instruction set that match; or times. */
int check_all(const char *pattern, uint32_t seed);
int bench_all(const char *pattern, uint32_t seed);

#endif
