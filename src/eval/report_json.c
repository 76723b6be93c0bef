/* The evaluation as one JSON object. */
#include <jansson.h>
#include <stdlib.h>

#include "base/status.h"

static void set_text(json_t *object, const char *key, const char *text) {
    if (text) {
        /* a name that is not UTF-8 becomes null rather than nothing at all */
        json_t *value = json_string(text);
        json_object_set_new(object, key, value ? value : json_null());
    }
}

static void set_percent(json_t *object, const char *key, double fraction) {
    json_object_set_new(object, key, json_real(100 * fraction));
}

static void set_count(json_t *object, const char *key, uint64_t count) {
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

static json_t *classes_of(const struct fscnn_evaluation *e, int classes) {
    json_t *array = json_array();
    for (int c = 0; c < classes; c++) {
        struct fscnn_class_scores s;
        fscnn_evaluation_get_class(e, c, &s);
        json_t *object = json_object();
        set_count(object, "id", (uint64_t)c);
        set_text(object, "name", s.name);
        set_percent(object, "IoU", s.iou);
        set_percent(object, "Acc", s.accuracy);
        set_count(object, "truth", s.truth);
        set_count(object, "predicted", s.predicted);
        set_count(object, "correct", s.correct);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *matrix_of(const struct fscnn_evaluation *e, int classes) {
    const uint64_t *matrix = fscnn_evaluation_confusion(e);
    json_t *rows = json_array();
    for (int r = 0; r < classes; r++) {
        json_t *row = json_array();
        for (int c = 0; c < classes; c++) {
            json_array_append_new(row, json_integer((json_int_t)matrix[(size_t)r * (size_t)classes + (size_t)c]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *images_of(const struct fscnn_evaluation *e, uint64_t images) {
    json_t *array = json_array();
    for (uint64_t i = 0; i < images; i++) {
        struct fscnn_image_scores s;
        fscnn_evaluation_get_image(e, i, &s);
        json_t *object = json_object();
        set_text(object, "name", s.name);
        set_text(object, "picture", s.picture);
        set_count(object, "labelled", s.labelled);
        set_count(object, "correct", s.correct);
        set_percent(object, "mIoU_present", s.miou);
        set_percent(object, "pixAcc", s.pixel_accuracy);
        set_percent(object, "running_mIoU", s.running_miou);
        set_percent(object, "running_pixAcc", s.running_pixel_accuracy);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *left_out_of(const struct fscnn_report_options *options) {
    json_t *array = json_array();
    for (size_t i = 0; options && i < options->num_left_out; i++) {
        json_t *object = json_object();
        set_text(object, "name", options->left_out[i].name);
        set_text(object, "error", options->left_out[i].why);
        json_array_append_new(array, object);
    }
    return array;
}

enum fscnn_status fscnn_evaluation_write_json(const struct fscnn_evaluation *evaluation,
                                              const struct fscnn_report_options *options, FILE *out,
                                              struct fscnn_error *err) {
    struct fscnn_scores s;
    fscnn_evaluation_get_scores(evaluation, &s);
    json_t *root = json_object();
    if (options) {
        set_text(root, "title", options->title);
        set_text(root, "model", options->model);
        set_text(root, "data", options->data);
        set_text(root, "order", options->order);
    }
    set_text(root, "unit", "percent");
    json_object_set_new(root, "incomplete", json_boolean(options && options->num_left_out > 0));
    json_object_set_new(root, "left_out", left_out_of(options));
    set_count(root, "num_images", s.images);
    set_count(root, "num_classes", (uint64_t)s.classes);
    set_percent(root, "AvgmIou", s.ordered_miou);
    set_percent(root, "AvgpixAcc", s.ordered_pixel_accuracy);
    set_percent(root, "mIoU", s.miou);
    set_percent(root, "pixAcc", s.pixel_accuracy);
    set_percent(root, "mAcc", s.mean_accuracy);
    set_percent(root, "mIoU_present", s.miou_present);
    json_object_set_new(root, "classes", classes_of(evaluation, s.classes));
    json_object_set_new(root, "confusion_matrix", matrix_of(evaluation, s.classes));
    json_object_set_new(root, "images", images_of(evaluation, s.images));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    if (!text) {
        return error_memory(err, 0, "the report");
    }
    bool bad = fprintf(out, "%s\n", text) < 0;
    free(text);
    return bad || fflush(out) != 0 ? error_set(err, FSCNN_ERROR_IO, "the report cannot be written") : FSCNN_OK;
}
