/* The evaluation: a confusion matrix over all images, and the deployment guide's means of running figures. */
#include <stdlib.h>
#include <string.h>

#include "eval/confusion.h"

enum { CITYSCAPES_CLASSES = 19 };

struct image {
    char *name, *picture; /* NULL: none */
    uint64_t labelled, correct;
    double miou, running_miou, running_pixel_accuracy;
};

struct fscnn_evaluation {
    int classes;
    uint64_t *matrix; /* [classes, classes], rows = ground truth */
    uint64_t *single; /* the same of the image being added */
    struct confusion_counter counter;
    double sum_of_running_miou, sum_of_running_pixel_accuracy;
    struct image *images;
    size_t num_images, room;
    char (*names)[32]; /* [classes], where Cityscapes' do not fit */
};

/* A matrix's figures. */
struct figures {
    double miou, miou_present, mean_accuracy;
    uint64_t labelled, correct;
};

static struct fscnn_class_scores class_of(const uint64_t *matrix, int classes, int c) {
    struct fscnn_class_scores s = {.correct = matrix[c * classes + c]};
    for (int i = 0; i < classes; i++) {
        s.truth += matrix[c * classes + i];
        s.predicted += matrix[i * classes + c];
    }
    uint64_t in_union = s.truth + s.predicted - s.correct;
    /* The guide's I / (U + eps): eps is lost beside a U of 1 or more. */
    s.iou = in_union ? (double)s.correct / (double)in_union : 0;
    s.accuracy = s.truth ? (double)s.correct / (double)s.truth : 0;
    return s;
}

static double ratio(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : 0; }

static struct figures figures_of(const uint64_t *matrix, int classes) {
    struct figures f = {0};
    int present = 0;
    double sum_present = 0, sum_accuracy = 0, sum = 0;
    for (int c = 0; c < classes; c++) {
        struct fscnn_class_scores s = class_of(matrix, classes, c);
        sum += s.iou;
        if (s.truth) {
            present++;
            sum_present += s.iou;
            sum_accuracy += s.accuracy;
        }
        f.labelled += s.truth;
        f.correct += s.correct;
    }
    f.miou = sum / classes;
    f.miou_present = present ? sum_present / present : 0;
    f.mean_accuracy = present ? sum_accuracy / present : 0;
    return f;
}

enum fscnn_status fscnn_evaluation_create(int classes, struct fscnn_evaluation **out, struct fscnn_error *err) {
    *out = NULL;
    if (classes < 1 || classes > FSCNN_MAX_CLASSES) {
        return error_set(err, FSCNN_ERROR_USAGE, "%d classes: 1 to %d can be evaluated", classes, FSCNN_MAX_CLASSES);
    }
    struct fscnn_evaluation *e = calloc(1, sizeof(*e));
    if (!e) {
        return error_memory(err, sizeof(*e), "an evaluation");
    }
    size_t n = (size_t)classes;
    e->classes = classes;
    e->matrix = calloc(n * n, sizeof(*e->matrix));
    e->single = calloc(n * n, sizeof(*e->single));
    e->names = calloc(n, sizeof(*e->names));
    enum fscnn_status status = confusion_counter_init(&e->counter, classes, err);
    if (status == FSCNN_OK && (!e->matrix || !e->single || !e->names)) {
        status = error_memory(err, 2 * n * n * sizeof(*e->matrix), "a confusion matrix");
    }
    if (status != FSCNN_OK) {
        fscnn_evaluation_free(&e);
        return status;
    }
    for (size_t c = 0; c < n; c++) {
        snprintf(e->names[c], sizeof(e->names[c]), "class %zu", c);
    }
    *out = e;
    return FSCNN_OK;
}

void fscnn_evaluation_free(struct fscnn_evaluation **evaluation) {
    struct fscnn_evaluation *e = *evaluation;
    if (!e) {
        return;
    }
    for (size_t i = 0; i < e->num_images; i++) {
        free(e->images[i].name);
        free(e->images[i].picture);
    }
    free(e->images);
    free(e->matrix);
    free(e->single);
    free(e->names);
    confusion_counter_release(&e->counter);
    free(e);
    *evaluation = NULL;
}

enum fscnn_status evaluation_add_matrix(struct fscnn_evaluation *e, const uint64_t *image, struct fscnn_error *err) {
    if (e->num_images == e->room) {
        size_t room = e->room ? 2 * e->room : 64;
        struct image *images = realloc(e->images, room * sizeof(*images));
        if (!images) {
            return error_memory(err, room * sizeof(*images), "the images' figures");
        }
        e->images = images;
        e->room = room;
    }
    size_t cells = (size_t)e->classes * (size_t)e->classes;
    for (size_t i = 0; i < cells; i++) {
        e->matrix[i] += image[i];
    }
    struct figures own = figures_of(image, e->classes);
    struct figures running = figures_of(e->matrix, e->classes);
    struct image *added = &e->images[e->num_images++];
    *added = (struct image){.labelled = own.labelled, .correct = own.correct, .miou = own.miou_present};
    added->running_miou = running.miou;
    added->running_pixel_accuracy = ratio(running.correct, running.labelled);
    e->sum_of_running_miou += added->running_miou;
    e->sum_of_running_pixel_accuracy += added->running_pixel_accuracy;
    return FSCNN_OK;
}

enum fscnn_status fscnn_evaluation_add(struct fscnn_evaluation *e, const uint8_t *predicted, const uint8_t *truth,
                                       size_t count, struct fscnn_error *err) {
    memset(e->single, 0, (size_t)e->classes * (size_t)e->classes * sizeof(*e->single));
    enum fscnn_status status = confusion_count(&e->counter, predicted, truth, count, e->single, err);
    return status == FSCNN_OK ? evaluation_add_matrix(e, e->single, err) : status;
}

enum fscnn_status fscnn_evaluation_name_last(struct fscnn_evaluation *e, const char *name, const char *picture,
                                             struct fscnn_error *err) {
    if (e->num_images == 0) {
        return error_set(err, FSCNN_ERROR_USAGE, "no image to call %s was added", name);
    }
    char *new_name = strdup(name);
    char *new_picture = picture ? strdup(picture) : NULL;
    if (!new_name || (picture && !new_picture)) {
        free(new_name);
        free(new_picture);
        return error_memory(err, strlen(name), "an image's name");
    }
    struct image *last = &e->images[e->num_images - 1];
    free(last->name);
    free(last->picture);
    last->name = new_name;
    last->picture = new_picture;
    return FSCNN_OK;
}

void fscnn_evaluation_get_scores(const struct fscnn_evaluation *e, struct fscnn_scores *out) {
    struct figures f = figures_of(e->matrix, e->classes);
    double images = e->num_images ? (double)e->num_images : 1;
    *out = (struct fscnn_scores){
        .classes = e->classes,
        .images = e->num_images,
        .ordered_miou = e->sum_of_running_miou / images,
        .ordered_pixel_accuracy = e->sum_of_running_pixel_accuracy / images,
        .miou = f.miou,
        .pixel_accuracy = ratio(f.correct, f.labelled),
        .mean_accuracy = f.mean_accuracy,
        .miou_present = f.miou_present,
    };
}

const uint64_t *fscnn_evaluation_confusion(const struct fscnn_evaluation *e) { return e->matrix; }

void fscnn_evaluation_get_class(const struct fscnn_evaluation *e, int train_id, struct fscnn_class_scores *out) {
    *out = (struct fscnn_class_scores){.name = ""};
    if (train_id >= 0 && train_id < e->classes) {
        *out = class_of(e->matrix, e->classes, train_id);
        out->name = e->classes == CITYSCAPES_CLASSES ? fscnn_class_of_train_id(train_id).name : e->names[train_id];
    }
}

void fscnn_evaluation_get_image(const struct fscnn_evaluation *e, uint64_t index, struct fscnn_image_scores *out) {
    *out = (struct fscnn_image_scores){.name = ""};
    if (index < e->num_images) {
        const struct image *i = &e->images[index];
        *out = (struct fscnn_image_scores){
            .name = i->name ? i->name : "",
            .picture = i->picture,
            .labelled = i->labelled,
            .correct = i->correct,
            .miou = i->miou,
            .pixel_accuracy = ratio(i->correct, i->labelled),
            .running_miou = i->running_miou,
            .running_pixel_accuracy = i->running_pixel_accuracy,
        };
    }
}
