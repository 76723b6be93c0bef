/* Pictures that the compiler looks at: for the ranges of int8's activations, and for what quantising costs. */
#ifndef FSCNN_COMPILE_SAMPLES_H
#define FSCNN_COMPILE_SAMPLES_H

#include "base/status.h"

struct samples {
    char **names;
    int listed;
    int count; /* how many are looked at, spread over the list: neighbours are often alike */
};

/* Lists a picture, or the PNG and JPEG pictures of a folder, of which at most `limit` are looked at (0: 32). Errors:
 * IO; USAGE when there are none. */
FSCNN_NODISCARD enum fscnn_status samples_list(const char *path, int limit, struct samples *out,
                                               struct fscnn_error *err);
/* Reads number `index` of those that are looked at, scaled to width x height. */
FSCNN_NODISCARD enum fscnn_status samples_read(const struct samples *samples, int index, int width, int height,
                                               struct fscnn_picture *out, struct fscnn_error *err);
void samples_free(struct samples *samples);

#endif
