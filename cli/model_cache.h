/* A model for pictures of any size: compiled for each size where the file allows it, the last few kept. */
#ifndef FSCNN_CLI_MODEL_CACHE_H
#define FSCNN_CLI_MODEL_CACHE_H

#include "default_model.h"

enum { MODEL_CACHE_SIZES = 3 };

struct cached_model {
    int height, width; /* of the pictures it takes */
    struct fscnn_model *model;
    struct fscnn_session *session;
    uint64_t used; /* larger: later */
};

struct model_cache {
    char *path;
    struct pool_choice pool;
    int threads;
    int fixed_height, fixed_width; /* the only size, 0: any size */
    struct cached_model entries[MODEL_CACHE_SIZES];
    uint64_t uses;
};

/* path NULL: the default model. Checkpoints fit any size; an offline model, and an ONNX file with fixed dimensions,
 * have one. Errors: those of model_open. */
FSCNN_NODISCARD enum fscnn_status model_cache_open(const char *path, struct pool_choice pool, int threads,
                                                   struct model_cache *out, struct fscnn_error *err);
void model_cache_free(struct model_cache *cache);

/* The model for pictures of height x width, with its session; valid until the next get. Errors: USAGE (another size
 * than the fixed one), those of compiling. */
FSCNN_NODISCARD enum fscnn_status model_cache_get(struct model_cache *cache, int height, int width,
                                                  struct cached_model **out, struct fscnn_error *err);

#endif
