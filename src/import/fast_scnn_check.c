/* Are a checkpoint's tensors those of a Fast-SCNN? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import/fast_scnn.h"

static bool is_auxiliary(const char *name) {
    return strncmp(name, "auxlayer1.", 10) == 0 || strncmp(name, "auxlayer2.", 10) == 0;
}

static bool is_float(enum dtype dtype) {
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_F64;
}

static struct tensor as_tensor(const struct fast_scnn_tensor *expected) {
    struct tensor t = {.name = expected->name, .rank = expected->rank};
    memcpy(t.shape, expected->shape, sizeof(expected->shape));
    return t;
}

/* The number of classes that the checkpoint is for; 1 where its classifier is missing or misshapen, which is named
 * when the tensors are compared one by one. */
static enum fscnn_status find_classes(const struct checkpoint *checkpoint, int *classes, struct fscnn_error *err) {
    static const char name[] = "classifier.conv.1.weight";
    const struct tensor *weight = checkpoint_find(checkpoint, name);
    *classes = 1;
    if (weight && weight->rank == 4) {
        if (weight->shape[0] < 1 || weight->shape[0] > FSCNN_MAX_CLASSES) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s has %lld classes (1 to %d are possible)",
                             checkpoint->name, name, (long long)weight->shape[0], FSCNN_MAX_CLASSES);
        }
        *classes = (int)weight->shape[0];
    }
    return FSCNN_OK;
}

static enum fscnn_status check_tensor(const struct checkpoint *checkpoint, const struct fast_scnn_tensor *expected,
                                      const struct tensor *found, struct fscnn_error *err) {
    char text[2][128];
    struct tensor wanted = as_tensor(expected);
    if (!is_float(found->dtype)) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s is %s, a floating point type expected",
                         checkpoint->name, found->name, dtype_name(found->dtype));
    }
    if (found->rank != wanted.rank || memcmp(found->shape, wanted.shape, (size_t)wanted.rank * sizeof(int64_t)) != 0) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s has shape %s, %s expected", checkpoint->name,
                         found->name, tensor_shape_text(found, text[0], sizeof(text[0])),
                         tensor_shape_text(&wanted, text[1], sizeof(text[1])));
    }
    for (size_t i = 0, count = tensor_count(found); i < count; i++) {
        double value = tensor_get_double(found, i);
        if (!isfinite((float)value)) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s: element %zu is no finite float32",
                             checkpoint->name, found->name, i);
        }
        if (expected->role == ROLE_NORM_VAR && value < 0) {
            return error_set(err, FSCNN_ERROR_FORMAT,
                             "%s: tensor %s: element %zu is negative, and a variance cannot be", checkpoint->name,
                             found->name, i);
        }
    }
    return FSCNN_OK;
}

/* What is missing, with a hint at what is there instead. */
static enum fscnn_status missing_error(const struct checkpoint *checkpoint, const struct fast_scnn_tensor *missing,
                                       int count, const char *unknown, struct fscnn_error *err) {
    char shape[128], more[32] = "", instead[160] = "";
    struct tensor wanted = as_tensor(missing);
    if (count > 1) {
        snprintf(more, sizeof(more), " (and %d more)", count - 1);
    }
    if (unknown) {
        snprintf(instead, sizeof(instead), "; unknown tensor %.80s is there instead", unknown);
    }
    return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s, shape %s, is missing%s%s", checkpoint->name,
                     missing->name, tensor_shape_text(&wanted, shape, sizeof(shape)), more, instead);
}

static int compare_names(const void *a, const void *b) {
    const struct fast_scnn_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static const struct fast_scnn_tensor *find_sorted(const struct fast_scnn_tensor *sorted, int count, const char *name) {
    struct fast_scnn_tensor key = {.role = ROLE_CONV_WEIGHT};
    if (strlen(name) >= sizeof(key.name)) {
        return NULL;
    }
    strcpy(key.name, name);
    return bsearch(&key, sorted, (size_t)count, sizeof(key), compare_names);
}

/* Sorts the checkpoint's tensors into needed, left out and unknown. */
static void sort_out(const struct checkpoint *checkpoint, const struct fast_scnn_tensor *sorted, int count,
                     struct fast_scnn_summary *out, const struct tensor **unknown, int *num_unknown) {
    for (int i = 0; i < checkpoint->num_tensors; i++) {
        const struct tensor *tensor = &checkpoint->tensors[i];
        const struct fast_scnn_tensor *known = find_sorted(sorted, count, tensor->name);
        if (known && known->role != ROLE_NORM_COUNT) {
            out->elements += tensor_count(tensor);
        } else if (known) {
            out->left_out_counters++;
        } else if (is_auxiliary(tensor->name)) {
            out->left_out_auxiliary++;
        } else {
            *unknown = *unknown ? *unknown : tensor;
            ++*num_unknown;
        }
    }
}

enum fscnn_status fast_scnn_check(const struct checkpoint *checkpoint, struct fast_scnn_summary *out,
                                  struct fscnn_error *err) {
    struct fast_scnn_tensor expected[FAST_SCNN_MAX_TENSORS], sorted[FAST_SCNN_MAX_TENSORS];
    const struct fast_scnn_tensor *missing = NULL;
    const struct tensor *unknown = NULL;
    int num_missing = 0, num_unknown = 0, num_needed = 0;
    *out = (struct fast_scnn_summary){0};
    enum fscnn_status status = find_classes(checkpoint, &out->classes, err);
    if (status != FSCNN_OK) {
        return status;
    }
    int count = fast_scnn_list_tensors(out->classes, false, expected);
    memcpy(sorted, expected, sizeof(expected));
    qsort(sorted, (size_t)count, sizeof(*sorted), compare_names);
    sort_out(checkpoint, sorted, count, out, &unknown, &num_unknown);
    for (int i = 0; i < count; i++) {
        if (expected[i].role != ROLE_NORM_COUNT) {
            bool there = checkpoint_find(checkpoint, expected[i].name) != NULL;
            missing = !there && !missing ? &expected[i] : missing;
            num_missing += !there;
            num_needed++;
        }
    }
    if (num_missing == num_needed) {
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: not a Fast-SCNN: none of its %d tensors is there, but %s%.80s",
                         checkpoint->name, num_needed, unknown ? "" : "none at all", unknown ? unknown->name : "");
    }
    if (missing) {
        return missing_error(checkpoint, missing, num_missing, unknown ? unknown->name : NULL, err);
    }
    if (unknown) {
        char shape[128];
        return error_set(err, FSCNN_ERROR_FORMAT, "%s: tensor %s, shape %s, is no part of Fast-SCNN (%d unknown)",
                         checkpoint->name, unknown->name, tensor_shape_text(unknown, shape, sizeof(shape)),
                         num_unknown);
    }
    for (int i = 0; i < count && status == FSCNN_OK; i++) {
        if (expected[i].role != ROLE_NORM_COUNT) {
            status = check_tensor(checkpoint, &expected[i], checkpoint_find(checkpoint, expected[i].name), err);
        }
    }
    return status;
}
