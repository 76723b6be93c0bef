#include "model_cache.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"

static void entry_free(struct cached_model *entry) {
    fscnn_session_free(&entry->session);
    fscnn_model_free(&entry->model);
    *entry = (struct cached_model){0};
}

/* Puts a model into the place of the one not used for longest. Takes over the model. */
static enum fscnn_status insert(struct model_cache *cache, struct fscnn_model *model, struct cached_model **out,
                                struct fscnn_error *err) {
    struct cached_model *entry = &cache->entries[0];
    for (int i = 1; i < MODEL_CACHE_SIZES; i++) {
        if (cache->entries[i].used < entry->used) {
            entry = &cache->entries[i];
        }
    }
    entry_free(entry);
    struct fscnn_model_info info;
    struct fscnn_session_options options = {.threads = cache->threads};
    fscnn_model_get_info(model, &info);
    *entry = (struct cached_model){.model = model, .height = info.height, .width = info.width};
    enum fscnn_status status = fscnn_session_create(model, &options, &entry->session, err);
    if (status != FSCNN_OK) {
        entry_free(entry);
        return status;
    }
    entry->used = ++cache->uses;
    *out = entry;
    return FSCNN_OK;
}

/* An ONNX file with fixed dimensions cannot be compiled for others: tries one. */
static enum fscnn_status find_fixed_size(struct model_cache *cache, struct fscnn_error *err) {
    struct fscnn_model *model, *other;
    struct fscnn_model_info info;
    struct cached_model *entry;
    enum fscnn_status status = model_open(cache->path, 0, 0, &cache->pool, &model, err);
    if (status != FSCNN_OK) {
        return status;
    }
    fscnn_model_get_info(model, &info);
    bool fixed = !model_is_source(cache->path);
    if (!fixed) {
        const struct fscnn_compile_options larger = {.height = info.height + 32, .width = info.width, .exact = true};
        fixed = model_open_as(cache->path, &larger, &cache->pool, &other, err) != FSCNN_OK;
        if (!fixed) {
            fscnn_model_free(&other);
        }
    }
    cache->fixed_height = fixed ? info.height : 0;
    cache->fixed_width = fixed ? info.width : 0;
    return insert(cache, model, &entry, err);
}

/* A checkpoint takes every size, but it has to be one: told here, and not again for each picture. */
static enum fscnn_status try_checkpoint(const char *path, struct fscnn_error *err) {
    const struct fscnn_compile_options smallest = {.height = 32, .width = 32, .exact = true};
    struct pool_choice adaptive = {.kind = FSCNN_POOL_ADAPTIVE, .given = true};
    struct fscnn_model *model;
    enum fscnn_status status = model_open_as(path, &smallest, &adaptive, &model, err);
    if (status == FSCNN_OK) {
        fscnn_model_free(&model);
    }
    return status;
}

enum fscnn_status model_cache_open(const char *path, struct pool_choice pool, int threads, struct model_cache *out,
                                   struct fscnn_error *err) {
    *out = (struct model_cache){.pool = pool, .threads = threads};
    enum fscnn_status status = FSCNN_OK;
    if (path) {
        out->path = strdup(path);
        status = out->path ? FSCNN_OK : fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
    } else {
        status = default_model_path(&out->path, err);
    }
    if (status == FSCNN_OK) {
        status = model_is_checkpoint(out->path) ? try_checkpoint(out->path, err) : find_fixed_size(out, err);
    }
    if (status != FSCNN_OK) {
        model_cache_free(out);
    }
    return status;
}

void model_cache_free(struct model_cache *cache) {
    for (int i = 0; i < MODEL_CACHE_SIZES; i++) {
        entry_free(&cache->entries[i]);
    }
    free(cache->path);
    *cache = (struct model_cache){0};
}

enum fscnn_status model_cache_get(struct model_cache *cache, int height, int width, struct cached_model **out,
                                  struct fscnn_error *err) {
    for (int i = 0; i < MODEL_CACHE_SIZES; i++) {
        struct cached_model *entry = &cache->entries[i];
        if (entry->model && entry->height == height && entry->width == width) {
            entry->used = ++cache->uses;
            *out = entry;
            return FSCNN_OK;
        }
    }
    if (cache->fixed_height) {
        return fail(err, FSCNN_ERROR_USAGE, "%s takes %dx%d pictures only", cache->path, cache->fixed_height,
                    cache->fixed_width);
    }
    struct fscnn_model *model;
    enum fscnn_status status = model_open(cache->path, height, width, &cache->pool, &model, err);
    return status == FSCNN_OK ? insert(cache, model, out, err) : status;
}
