/* Average pooling in its many forms: windows, the whole picture, means over axes, products with averaging matrices. */
#include <math.h>
#include <string.h>

#include "import/onnx_ops.h"

enum fscnn_status onnx_average_pool(struct onnx_import *in) {
    static const int64_t required[2] = {0, 0};
    struct onnx_value *image;
    struct onnx_window window = {0};
    int64_t ceil_mode = 0, count_padding = 0;
    struct node node = {.op = OP_POOL};
    struct pool_axis *axes[2] = {&node.attr.pool.h, &node.attr.pool.w};
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = onnx_get_window(in, required, onnx_image_shape(in, image), &window);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "ceil_mode", 0, &ceil_mode);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "count_include_pad", 0, &count_padding);
    }
    if (status == FSCNN_OK && (window.dilation[0] != 1 || window.dilation[1] != 1)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "dilated pooling");
    }
    for (int k = 0; status == FSCNN_OK && k < 2; k++) {
        int size = k ? onnx_image_shape(in, image).w : onnx_image_shape(in, image).h;
        status = pool_axis_window(in->graph, size, window.kernel[k], window.stride[k], window.pad_begin[k],
                                  window.pad_end[k], count_padding != 0, ceil_mode != 0, axes[k], in->err);
        if (status != FSCNN_OK) {
            return onnx_refuse_prefix(in, status);
        }
    }
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : status;
}

/* bins[k] bins on axis k (h, w): 1 for its mean, its size to leave it alone. */
static enum fscnn_status emit_adaptive(struct onnx_import *in, const struct onnx_value *image, int bins_h, int bins_w) {
    struct node node = {.op = OP_POOL};
    struct shape shape = onnx_image_shape(in, image);
    enum fscnn_status status = pool_axis_adaptive(in->graph, shape.h, bins_h, &node.attr.pool.h, in->err);
    if (status == FSCNN_OK) {
        status = pool_axis_adaptive(in->graph, shape.w, bins_w, &node.attr.pool.w, in->err);
    }
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : onnx_refuse_prefix(in, status);
}

enum fscnn_status onnx_global_average_pool(struct onnx_import *in) {
    struct onnx_value *image;
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    return status == FSCNN_OK ? emit_adaptive(in, image, 1, 1) : status;
}

enum fscnn_status onnx_reduce_mean(struct onnx_import *in) {
    struct onnx_value *image;
    int64_t keep, noop, values[4];
    int count;
    bool mean[4] = {false};
    enum fscnn_status status = onnx_need_picture(in, 0, &image);
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "keepdims", 1, &keep);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_int(in, "noop_with_empty_axes", 0, &noop);
    }
    if (status == FSCNN_OK) {
        status = onnx_get_ints_or_input(in, "axes", 18, 1, 4, values, &count);
    }
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        int axis;
        status = onnx_fix_axis(in, values[i], 4, &axis);
        mean[axis] = true;
    }
    if (status != FSCNN_OK) {
        return status;
    }
    if (count == 0 && noop) {
        return onnx_set_alias(in, image);
    }
    if (count == 0 || mean[0] || mean[1] || !keep) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "only means over height and width with keepdims are supported");
    }
    struct shape shape = onnx_image_shape(in, image);
    return emit_adaptive(in, image, mean[2] ? 1 : shape.h, mean[3] ? 1 : shape.w);
}

/* ---- products with averaging matrices: how exporters write adaptive pooling exactly ---- */

/* Row i of the matrix: element p is the weight of position p in bin i. */
static double weight_at(const struct tensor *matrix, bool left, int bins, int size, int i, int p) {
    return tensor_get_double(matrix,
                             left ? (size_t)i * (size_t)size + (size_t)p : (size_t)p * (size_t)bins + (size_t)i);
}

/* One row: zeros but for a run of one value, 1 / divisor. */
static bool read_bin(const struct tensor *matrix, bool left, int bins, int size, int i, int *start, int *end,
                     float *divisor) {
    double value = 0;
    *start = *end = 0;
    for (int p = 0; p < size; p++) {
        double weight = weight_at(matrix, left, bins, size, i, p);
        if (weight == 0) {
            continue;
        }
        if (*end == 0) {
            *start = p;
            value = weight;
        } else if (p != *end || fabs(weight - value) > 1e-6 * fabs(value)) {
            return false;
        }
        *end = p + 1;
    }
    double exact = 1 / value, whole = nearbyint(exact);
    *divisor = (float)(fabs(exact - whole) < 1e-6 * fabs(exact) ? whole : exact); /* 1/3 was rounded to float */
    return *end > 0 && isfinite(*divisor) && *divisor != 0;
}

static enum fscnn_status read_matrix(struct onnx_import *in, const struct tensor *matrix, bool left, int size,
                                     struct pool_axis *out) {
    int rows = (int)matrix->shape[matrix->rank - 2], columns = (int)matrix->shape[matrix->rank - 1];
    int bins = left ? rows : columns;
    int *start = onnx_graph_alloc(in, (size_t)bins, sizeof(int));
    int *end = onnx_graph_alloc(in, (size_t)bins, sizeof(int));
    float *divisor = onnx_graph_alloc(in, (size_t)bins, sizeof(float));
    if (!start || !end || !divisor) {
        return FSCNN_ERROR_MEMORY;
    }
    for (int i = 0; i < bins; i++) {
        if (!read_bin(matrix, left, bins, size, i, &start[i], &end[i], &divisor[i])) {
            return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED,
                               "a product with a general matrix; only averaging matrices (adaptive pooling) are known");
        }
    }
    *out = (struct pool_axis){.bins = bins, .start = start, .end = end, .divisor = divisor};
    return FSCNN_OK;
}

static bool is_identity(const struct pool_axis *axis, int size) {
    bool identity = axis->bins == size;
    for (int i = 0; identity && i < size; i++) {
        identity = axis->start[i] == i && axis->end[i] == i + 1 && axis->divisor[i] == 1;
    }
    return identity;
}

/* [n, h] x picture pools the rows, picture x [w, n] the columns. The two after each other are one pooling. */
enum fscnn_status onnx_mat_mul(struct onnx_import *in) {
    struct onnx_value *image;
    const struct tensor *matrix;
    bool left = onnx_input(in, 0) && in->inputs[0]->kind == ONNX_CONSTANT;
    enum fscnn_status status = onnx_need_picture(in, left ? 1 : 0, &image);
    if (status == FSCNN_OK) {
        status = onnx_need_floats(in, left ? 0 : 1, -1, &matrix);
    }
    if (status != FSCNN_OK) {
        return status;
    }
    struct shape shape = onnx_image_shape(in, image);
    int size = left ? shape.h : shape.w;
    int64_t inner = matrix->rank >= 2 ? matrix->shape[matrix->rank - (left ? 1 : 2)] : 0;
    int64_t bins = matrix->rank >= 2 ? matrix->shape[matrix->rank - (left ? 2 : 1)] : 0;
    if (inner != size || bins < 1 || bins > GRAPH_MAX_SIDE || tensor_count(matrix) != (size_t)(inner * bins)) {
        return onnx_refuse(in, FSCNN_ERROR_UNSUPPORTED, "a matrix that does not fit the picture of %dx%d", shape.h,
                           shape.w);
    }
    struct node node = {.op = OP_POOL};
    struct pool_axis *own = left ? &node.attr.pool.h : &node.attr.pool.w;
    struct pool_axis *other = left ? &node.attr.pool.w : &node.attr.pool.h;
    struct pool_axis *bins_read = &in->inputs[left ? 0 : 1]->bins[left]; /* many nodes may have one large matrix */
    status = bins_read->bins ? FSCNN_OK : read_matrix(in, matrix, left, size, bins_read);
    if (status != FSCNN_OK) {
        return status;
    }
    *own = *bins_read;
    const struct node *before = &in->graph->nodes[image->node];
    const struct pool_axis *before_own = left ? &before->attr.pool.h : &before->attr.pool.w;
    if (before->op == OP_POOL && is_identity(before_own, size)) {
        *other = left ? before->attr.pool.w : before->attr.pool.h;
        struct onnx_value source = *image;
        source.node = before->inputs[0];
        return onnx_emit(in, &node, &source, image);
    }
    int other_size = left ? shape.w : shape.h;
    status = pool_axis_adaptive(in->graph, other_size, other_size, other, in->err);
    return status == FSCNN_OK ? onnx_emit(in, &node, image, image) : onnx_refuse_prefix(in, status);
}
