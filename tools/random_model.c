#include "random_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "import/fast_scnn_layers.h"

/* The generator: splitmix64. state += 0x9e3779b97f4a7c15; z = state; z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
 * z = (z ^ z >> 27) * 0x94d049bb133111eb; the number is z ^ z >> 31. A uniform one in [0, 1) is its upper 53 bits. */
static uint64_t next_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double next_uniform(uint64_t *state) { return (double)(next_bits(state) >> 11) * 0x1p-53; }

/* The sum of 12 uniform numbers less 6: mean 0, deviation 1, nearly normal, and without the C library's logarithm,
 * whose last bit differs between machines. */
static double next_normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += next_uniform(state);
    }
    return sum;
}

/* Convolutions keep the size of what passes through (He), batch norms are neither trivial nor extreme. */
static double next_value(const struct fast_scnn_tensor *tensor, uint64_t *state) {
    switch (tensor->role) {
    case ROLE_CONV_WEIGHT:
        return next_normal(state) * sqrt(2.0 / (double)(tensor->shape[1] * tensor->shape[2] * tensor->shape[3]));
    case ROLE_CONV_BIAS: return next_normal(state) * 0.1;
    case ROLE_NORM_GAMMA:
    case ROLE_NORM_VAR: return 0.5 + next_uniform(state);
    case ROLE_NORM_BETA: return next_normal(state) * 0.2;
    case ROLE_NORM_MEAN: return next_normal(state) * 0.1;
    case ROLE_NORM_COUNT: break;
    }
    return 1000; /* steps of a training that never was */
}

static void put_value(struct blob *blob, enum dtype dtype, double value) {
    float single = (float)value;
    uint64_t bits = 0;
    uint16_t half;
    switch (dtype) {
    case DTYPE_F64: memcpy(&bits, &value, 8); break;
    case DTYPE_F32: memcpy(&bits, &single, 4); break;
    case DTYPE_F16:
    case DTYPE_BF16:
        half = dtype == DTYPE_F16 ? float_to_half(single) : float_to_bfloat16(single);
        bits = half;
        break;
    default: bits = (uint64_t)(int64_t)value; break;
    }
    blob_number(blob, bits, (int)dtype_size(dtype));
}

/* Fills data[i] and storages[i] for tensor i, and parts->object. */
static void make_parts(const struct random_model *m, const struct fast_scnn_tensor *tensors, int count,
                       struct blob *data, struct pth_blob *storages, struct pth_parts *parts) {
    uint64_t state = (uint64_t)m->seed;
    struct blob *object = &parts->object;
    pickle_start(object);
    if (m->wrap) {
        pickle_dict_start(object, false);
        pickle_text(object, "epoch");
        pickle_int(object, 3);
        pickle_text(object, m->wrap);
    }
    pickle_dict_start(object, true);
    for (int i = 0; i < count; i++) {
        const struct fast_scnn_tensor *tensor = &tensors[i];
        struct pth_view view = {.dtype = tensor->role == ROLE_NORM_COUNT ? DTYPE_I64 : m->dtype,
                                .storage = i,
                                .storage_count = 1,
                                .rank = tensor->rank,
                                .legacy = m->legacy};
        char name[160];
        for (int d = 0; d < tensor->rank; d++) {
            view.shape[d] = tensor->shape[d];
            view.storage_count *= tensor->shape[d];
        }
        for (int64_t k = 0; k < view.storage_count; k++) {
            put_value(&data[i], view.dtype, next_value(tensor, &state));
        }
        storages[i] = (struct pth_blob){data[i].data, view.storage_count, (int)dtype_size(view.dtype)};
        snprintf(name, sizeof(name), "%.60s%.95s", m->prefix ? m->prefix : "", tensor->name);
        pickle_text(object, name);
        pickle_tensor(object, &view);
    }
    pickle_dict_end(object);
    if (m->wrap) {
        pickle_dict_end(object);
    }
    pickle_stop(object);
    parts->storages = storages;
    parts->num_storages = count;
}

void random_model_write(const struct random_model *model, struct blob *out) {
    struct fast_scnn_tensor tensors[FAST_SCNN_MAX_TENSORS];
    struct blob data[FAST_SCNN_MAX_TENSORS] = {0};
    struct pth_blob storages[FAST_SCNN_MAX_TENSORS];
    struct pth_parts parts = {0};
    int count = fast_scnn_list_tensors(model->classes, model->auxiliary, tensors);
    make_parts(model, tensors, count, data, storages, &parts);
    if (model->legacy) {
        pth_write_legacy(&parts, out);
    } else {
        pth_write_zip(&parts, "archive", out);
    }
    for (int i = 0; i < count; i++) {
        blob_free(&data[i]);
    }
    blob_free(&parts.object);
}
