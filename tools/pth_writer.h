/* Writes PyTorch checkpoints without PyTorch, byte for byte the same on every machine: for tests and stand-in models.
 * A checkpoint is put together from its parts, so that tests can also put together strange ones:
 *
 *   struct pth_parts parts = {0};
 *   pickle_start(&parts.object); pickle_dict_start(..); pickle_text(.., name); pickle_tensor(..); ... pickle_stop(..);
 *   parts.storages = ...;
 *   pth_write_zip(&parts, "model", &out)  or  pth_write_legacy(&parts, &out);
 */
#ifndef FSCNN_TOOLS_PTH_WRITER_H
#define FSCNN_TOOLS_PTH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

/* Bytes that grow; out of memory ends the program (this is for tools and tests). Free data. */
struct blob {
    uint8_t *data;
    size_t size, capacity;
};
void blob_put(struct blob *blob, const void *data, size_t size);
void blob_u8(struct blob *blob, uint8_t value);
void blob_number(struct blob *blob, uint64_t value, int bytes); /* little-endian */
void blob_free(struct blob *blob);

/* Pickle protocol 2, opcode by opcode. */
void pickle_start(struct blob *blob);
void pickle_stop(struct blob *blob);
void pickle_none(struct blob *blob);
void pickle_bool(struct blob *blob, bool value);
void pickle_int(struct blob *blob, int64_t value);
void pickle_text(struct blob *blob, const char *text);
void pickle_global(struct blob *blob, const char *module, const char *name);
void pickle_ints(struct blob *blob, const int64_t *values, int count); /* a tuple */
void pickle_dict_start(struct blob *blob, bool ordered);               /* then keys and values */
void pickle_dict_end(struct blob *blob);

/* A tensor: a view of storage number `storage`, which has `storage_count` elements. */
struct pth_view {
    enum dtype dtype;
    int storage;
    int64_t storage_count, offset;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    const int64_t *strides; /* NULL: contiguous */
    const char *location;   /* NULL: "cpu" */
    bool legacy;            /* whether the id has a sixth field */
};
void pickle_storage(struct blob *blob, const struct pth_view *view);
void pickle_tensor(struct blob *blob, const struct pth_view *view);

struct pth_blob {
    const void *data;
    int64_t count; /* elements of `unit` bytes */
    int unit;
};
struct pth_parts {
    struct blob object;              /* the pickle, from start to stop */
    const struct pth_blob *storages; /* number i has the key "i" */
    int num_storages;
};

/* A zip archive of stored entries. */
struct archive_writer {
    struct blob out, directory;
    int count;
};
void archive_add(struct archive_writer *zip, const char *name, const void *data, size_t size);
void archive_finish(struct archive_writer *zip); /* zip->out is the archive then */

/* The two layouts of torch.save; `out` gets the file. */
void pth_write_zip(const struct pth_parts *parts, const char *name, struct blob *out);
void pth_write_legacy(const struct pth_parts *parts, struct blob *out);

#endif
