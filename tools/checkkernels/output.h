/* What a kernel writes, and the comparison with what plain C wrote. */
#ifndef FSCNN_CHECKKERNELS_OUTPUT_H
#define FSCNN_CHECKKERNELS_OUTPUT_H

#include "buffers.h"

struct output {
    int type;
    char *data; /* [rows, width] */
    int rows, width;
    ptrdiff_t stride;
    size_t bytes;
    char *initial, *expected; /* copies: from before the run, of what plain C wrote */
    char *magnitude;          /* and of its sums of magnitudes, which the tolerance is a share of; or NULL */
    float bound;              /* or a magnitude that none exceeds; 0: unknown */
    bool signed_zeros;        /* whether 0 and -0 differ */
    const float *values;      /* labels: [label, width]; one is right where its value is as good. NULL: equal */
    int num_labels;
};

/* A new buffer that a kernel may write to, with contents. */
struct output output_new(int type, int rows, int width, ptrdiff_t stride);
void output_start(struct output *out);     /* remembers the contents as the initial ones */
void output_restore(struct output *out);   /* brings them back */
void output_expect(struct output *out);    /* remembers the contents as what to expect, and restores the initial ones */
void output_magnitude(struct output *out); /* the same as magnitudes */
void output_free(struct output *out);

/* Compares the elements with the expected ones (kernels.list has the meaning of tolerance; NaN only where one is
 * expected) and what lies between rows with the initial contents. Otherwise says into text where they first differ and
 * by how much at most. */
bool output_compare(const struct output *out, double tolerance, char *text, size_t size);

#endif
