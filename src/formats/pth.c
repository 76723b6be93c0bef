#include "formats/pth.h"

#include <string.h>

#include "formats/pth_container.h"
#include "formats/state_dict.h"

/* Tensors may take this much memory: storages can be deflated, and views of them can repeat elements, but not so that
 * a small file asks for everything. */
#define MEMORY_BASE ((size_t)64 << 20)
enum { MEMORY_PER_BYTE = 8 };

static bool is_zip(const void *data, size_t size) { return size >= 4 && memcmp(data, "PK\3\4", 4) == 0; }

bool file_is_checkpoint(const void *data, size_t size) { return is_zip(data, size) || pth_legacy_is(data, size); }

/* Classes of a model's layers come from torch.nn.modules; tensors alone need nothing of it. */
static enum fscnn_status explain_refusal(enum fscnn_status status, const uint8_t *pickle, size_t size,
                                         struct fscnn_error *err) {
    static const char modules[] = "torch.nn.modules";
    if (status == FSCNN_ERROR_UNSUPPORTED && err && memmem(pickle, size, modules, strlen(modules))) {
        struct fscnn_error refusal = *err;
        error_set(err, status, "%.300s (a whole model was pickled: save model.state_dict() instead)", refusal.text);
    }
    return status;
}

enum fscnn_status pth_object_parse(struct bytes *in, const char *place, struct arena *arena, struct pth_content *out,
                                   struct fscnn_error *err) {
    const uint8_t *start = in->data + in->pos;
    size_t size = bytes_left(in);
    enum fscnn_status status = pickle_parse(in, place, pth_role_of, arena, &out->pickle, err);
    if (status != FSCNN_OK) {
        return explain_refusal(status, start, size, err);
    }
    return pth_storages_collect(&out->pickle, place, arena, &out->storages, err);
}

void pth_content_close(struct pth_content *content) {
    if (content->container && content->container->close) {
        content->container->close(content->container);
    }
    *content = (struct pth_content){0};
}

enum fscnn_status checkpoint_parse(const void *data, size_t size, const char *name, struct checkpoint *out,
                                   struct fscnn_error *err) {
    size_t limit =
        size > (SIZE_MAX / 2 - MEMORY_BASE) / MEMORY_PER_BYTE ? SIZE_MAX / 2 : MEMORY_BASE + MEMORY_PER_BYTE * size;
    struct arena scratch = {.limit = limit}; /* the pickle and its values: not needed afterwards */
    struct pth_content content = {0};
    *out = (struct checkpoint){.arena = {.limit = limit}};
    out->name = arena_strdup(&out->arena, name);
    enum fscnn_status status;
    if (!out->name) {
        status = error_memory(err, strlen(name), "a name");
    } else if (is_zip(data, size)) {
        status = pth_zip_open(data, size, &scratch, &content, err);
    } else if (pth_legacy_is(data, size)) {
        status = pth_legacy_open(data, size, &scratch, &content, err);
    } else {
        status = error_set(err, FSCNN_ERROR_FORMAT, "not a PyTorch checkpoint (neither zip nor torch's older format)");
    }
    if (status == FSCNN_OK) {
        out->container = content.container->kind;
        status = state_dict_read(&content.pickle, &content.storages, content.container, out, err);
    }
    pth_content_close(&content);
    arena_free(&scratch);
    if (status != FSCNN_OK) {
        checkpoint_close(out);
        return error_prefix(err, status, "%s", name);
    }
    return FSCNN_OK;
}

enum fscnn_status checkpoint_open(const char *path, struct checkpoint *out, struct fscnn_error *err) {
    struct file_map file;
    *out = (struct checkpoint){0};
    enum fscnn_status status = file_map_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = checkpoint_parse(file.data, file.size, path, out, err);
    file_map_close(&file); /* every tensor has been copied out of it */
    return status;
}

void checkpoint_close(struct checkpoint *checkpoint) {
    arena_free(&checkpoint->arena);
    *checkpoint = (struct checkpoint){0};
}

const struct tensor *checkpoint_find(const struct checkpoint *checkpoint, const char *name) {
    for (int i = 0; i < checkpoint->num_tensors; i++) {
        if (strcmp(checkpoint->tensors[i].name, name) == 0) {
            return &checkpoint->tensors[i];
        }
    }
    return NULL;
}
