/* .npy files for users of the public header. */
#include <stdlib.h>

#include "base/file.h"
#include "tensor/npy.h"

struct fscnn_array_file {
    struct file_map map;
};

static enum fscnn_dtype public_dtype(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_F32: return FSCNN_DTYPE_F32;
    case DTYPE_F16: return FSCNN_DTYPE_F16;
    case DTYPE_U8: return FSCNN_DTYPE_U8;
    default: return FSCNN_DTYPE_OTHER;
    }
}

enum fscnn_status fscnn_npy_read(const char *path, struct fscnn_array *out, struct fscnn_error *err) {
    *out = (struct fscnn_array){0};
    struct file_map map;
    struct tensor tensor;
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = npy_parse(map.data, map.size, path, &tensor, err);
    struct fscnn_array_file *file = status == FSCNN_OK ? malloc(sizeof(*file)) : NULL;
    if (!file) {
        file_map_close(&map);
        return status == FSCNN_OK ? error_memory(err, sizeof(*file), path) : status;
    }
    file->map = map;
    *out = (struct fscnn_array){.dtype = public_dtype(tensor.dtype),
                                .rank = tensor.rank,
                                .data = tensor.data,
                                .bytes = tensor_count(&tensor) * dtype_size(tensor.dtype),
                                .file = file};
    for (int i = 0; i < tensor.rank; i++) {
        out->shape[i] = tensor.shape[i];
    }
    return FSCNN_OK;
}

void fscnn_array_free(struct fscnn_array *array) {
    if (array->file) {
        file_map_close(&array->file->map);
        free(array->file);
    }
    *array = (struct fscnn_array){0};
}

enum fscnn_status fscnn_npy_write(const char *path, enum fscnn_dtype dtype, const int64_t *shape, int rank,
                                  const void *data, struct fscnn_error *err) {
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_U8};
    if ((unsigned)dtype >= ARRAY_SIZE(dtypes) || rank < 0 || rank > TENSOR_MAX_RANK) {
        return error_set(err, FSCNN_ERROR_USAGE, "%s: not an array that .npy files are written from", path);
    }
    struct tensor tensor = {.dtype = dtypes[dtype], .rank = rank};
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return error_set(err, FSCNN_ERROR_USAGE, "%s: negative size", path);
        }
        tensor.shape[i] = shape[i];
    }
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    status = npy_write_header(out.stream, tensor.dtype, shape, rank);
    if (status != FSCNN_OK) {
        fscnn_output_discard(&out);
        return error_set(err, status, "%s: not an array that .npy files are written from", path);
    }
    fwrite(data, dtype_size(tensor.dtype), tensor_count(&tensor), out.stream);
    return fscnn_output_commit(&out, err);
}
