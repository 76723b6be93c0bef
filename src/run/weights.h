/* A model's weights as a session uses them: as they lie in the plan, and in other forms where the processor is faster
 * so: split into parts (kernels/split.h), or those of the first convolution for a picture's bytes (kernels/units.h,
 * kernels/columns.h). */
#ifndef FSCNN_RUN_WEIGHTS_H
#define FSCNN_RUN_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "plan/model.h"

struct weights {
    const uint8_t *data;  /* as the plan's, but that with split weights the whole ones of these may be missing */
    uint16_t *split;      /* NULL: none */
    size_t *split_at;     /* [stages]: element of `split` at which a stage's begin */
    uint8_t *split_parts; /* [stages]: how many parts they are split into, 0 for none */
    int bytes_stage;      /* the first convolution, where it takes the picture's bytes as units or columns; else -1 */
    int8_t *units;        /* its weights, of an int8 network */
    uint16_t *columns;    /* its weights and bias, of a float32 network */
    float *columns_bias;
    void *rest; /* what data points to, if not to the plan's: rest_bytes */
    size_t rest_bytes;
};

/* Memory that split weights take. */
uint64_t weights_split_bytes(const struct plan *plan);
/* What is of use of the other forms. false when there is no memory. */
bool weights_create(const struct fscnn_model *model, const struct kernels *kernels, struct weights *out);
void weights_free(struct weights *weights);

static inline int weights_split_parts(const struct weights *weights, int stage) {
    return weights->split ? weights->split_parts[stage] : 0;
}

#endif
