#include "validate_run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "model_cache.h"
#include "stages.h"

enum { CITYSCAPES_CLASSES = 19, MAX_READERS = 4 };

/* A picture on its way. */
struct item {
    struct fscnn_picture picture;
    struct fscnn_labels truth, predicted;
    char *overlay; /* where it goes, or NULL */
    enum fscnn_status status;
    bool left_out; /* the failure is this picture's alone */
    struct fscnn_error err;
};

struct run {
    const struct validation *options;
    struct item *items; /* picture i: items[i % num_items] */
    size_t num_items;
    struct model_cache models;           /* used by the running stage alone, as is the evaluation */
    struct fscnn_evaluation *evaluation; /* made when the first model tells the classes */
    pthread_mutex_t lock;                /* of what follows */
    size_t failed;                       /* the first picture that failed; count: none */
    enum fscnn_status status;
    struct fscnn_error err;
};

static const struct fscnn_dataset_item *source_of(const struct run *run, size_t i) {
    const struct validation *o = run->options;
    return &o->dataset->items[o->order ? o->order[i] : i];
}

static struct item *item_of(const struct run *run, size_t i) { return &run->items[i % run->num_items]; }

/* Notes a failure; the earliest picture's is the one that is told. Always false, to stop the stages. */
static bool fail_at(struct run *run, size_t i, enum fscnn_status status, const struct fscnn_error *err) {
    pthread_mutex_lock(&run->lock);
    if (i < run->failed) {
        run->failed = i;
        run->status = status;
        run->err = *err;
    }
    pthread_mutex_unlock(&run->lock);
    return false;
}

/* All but the outcome, of which finish_item tells. */
static void clear_item(struct item *item) {
    fscnn_picture_free(&item->picture);
    fscnn_labels_free(&item->truth);
    free(item->predicted.labels);
    free(item->overlay);
    item->predicted.labels = NULL;
    item->overlay = NULL;
}

/* ----------------------------------------------------------------------------- reading ---- */

static enum fscnn_status read_files(const struct run *run, const struct fscnn_dataset_item *source, struct item *item,
                                    struct fscnn_error *err) {
    enum fscnn_status status = fscnn_picture_read(source->image_path, &item->picture, err);
    if (status == FSCNN_OK) {
        status = fscnn_labels_read(source->label_path, &item->truth, err);
    }
    if (status != FSCNN_OK) {
        item->left_out = true; /* MEMORY, too: that is a picture beyond all sizes */
        return status;
    }
    if (item->truth.width != item->picture.width || item->truth.height != item->picture.height) {
        item->left_out = true;
        return fail(err, FSCNN_ERROR_FORMAT, "%.300s: %d x %d labels for a picture of %d x %d (height x width)",
                    source->label_path, item->truth.height, item->truth.width, item->picture.height,
                    item->picture.width);
    }
    size_t pixels = (size_t)item->truth.width * (size_t)item->truth.height;
    if (run->options->label_type == FSCNN_LABEL_TYPE_LABEL_IDS) {
        for (size_t p = 0; p < pixels; p++) {
            item->truth.labels[p] = fscnn_train_id_of_label_id(item->truth.labels[p]);
        }
    }
    item->predicted = (struct fscnn_labels){.width = item->truth.width, .height = item->truth.height};
    item->predicted.labels = pixels ? malloc(pixels) : NULL;
    if (!item->predicted.labels) {
        return fail(err, FSCNN_ERROR_MEMORY, "%.300s: out of memory (%zu bytes for a label map)", source->image_path,
                    pixels);
    }
    return FSCNN_OK;
}

/* A failure waits in the item for its turn, so that the pictures before it are not lost to it. */
static bool read_item(void *user, size_t i) {
    struct run *run = user;
    struct item *item = item_of(run, i);
    *item = (struct item){0};
    item->status = read_files(run, source_of(run, i), item, &item->err);
    return true;
}

/* ----------------------------------------------------------------------------- running ---- */

/* The model for this picture's size. */
static enum fscnn_status open_model(struct run *run, const char *name, struct item *item, struct cached_model **out,
                                    struct fscnn_error *err) {
    const struct model_cache *models = &run->models;
    const struct fscnn_picture *picture = &item->picture;
    if (models->fixed_height) { /* the one model there is */
        if (model_check_size(models->entries[0].model, models->path, name, picture->height, picture->width, err) !=
            FSCNN_OK) {
            item->left_out = true;
            return FSCNN_ERROR_UNSUPPORTED; /* the picture's affair, not the command line's */
        }
    }
    enum fscnn_status status = model_cache_get(&run->models, picture->height, picture->width, out, err);
    /* Where another size went well, this one is to blame; before that, the model or the options are. */
    item->left_out = run->evaluation &&
                     (status == FSCNN_ERROR_USAGE || status == FSCNN_ERROR_UNSUPPORTED || status == FSCNN_ERROR_FORMAT);
    return status;
}

/* The first model says how many classes are evaluated. */
static enum fscnn_status check_model(struct run *run, const struct fscnn_model_info *info, struct fscnn_error *err) {
    int classes = info->output_is_labels ? CITYSCAPES_CLASSES : info->classes;
    if (info->output_height != info->height || info->output_width != info->width) {
        return fail(err, FSCNN_ERROR_UNSUPPORTED,
                    "%.200s gives %d x %d labels for %d x %d pictures; evaluation needs one a pixel", run->models.path,
                    info->output_height, info->output_width, info->height, info->width);
    }
    if (run->options->label_type == FSCNN_LABEL_TYPE_LABEL_IDS && classes < CITYSCAPES_CLASSES) {
        return fail(
            err, FSCNN_ERROR_USAGE,
            "%.200s has %d classes, Cityscapes' label ids stand for 19; files that hold the model's own classes "
            "need --label_type trainIds",
            run->options->model, classes);
    }
    return run->evaluation ? FSCNN_OK : fscnn_evaluation_create(classes, &run->evaluation, err);
}

/* Notes labels that are none of the classes: mostly those of files that hold something else than was said. */
static void note_labels_beyond(const struct run *run, const struct fscnn_labels *truth, int classes) {
    bool there[256] = {false};
    const size_t pixels = (size_t)truth->width * (size_t)truth->height;
    for (size_t p = 0; p < pixels; p++) {
        there[truth->labels[p]] = true;
    }
    for (int label = classes; label < 255; label++) {
        if (there[label] && label > *run->options->beyond) {
            *run->options->beyond = label;
        }
    }
}

static enum fscnn_status name_image(struct run *run, const struct fscnn_dataset_item *source, struct item *item,
                                    struct fscnn_error *err) {
    if (run->options->overlays) {
        char name[512];
        snprintf(name, sizeof(name), "%.480s_overlay.png", source->stem);
        item->overlay = join_path(run->options->overlays, name);
        if (!item->overlay) {
            return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
        }
    }
    return fscnn_evaluation_name_last(run->evaluation, source->stem, item->overlay, err);
}

/* What the library calls wrong usage is a picture, or a model, that does not suit: bad input here. How much memory is
 * needed depends on the picture, too. */
static enum fscnn_status blame(const struct fscnn_dataset_item *source, enum fscnn_status status,
                               struct fscnn_error *err) {
    const struct fscnn_error cause = *err;
    if (status != FSCNN_ERROR_USAGE && status != FSCNN_ERROR_MEMORY) {
        return status;
    }
    return fail(err, status == FSCNN_ERROR_USAGE ? FSCNN_ERROR_UNSUPPORTED : status, "%.160s: %.300s",
                base_name(source->image_path), cause.text);
}

static enum fscnn_status evaluate_item(struct run *run, const struct fscnn_dataset_item *source, struct item *item,
                                       struct fscnn_error *err) {
    struct cached_model *opened = NULL;
    struct fscnn_model_info info;
    enum fscnn_status status = open_model(run, base_name(source->image_path), item, &opened, err);
    if (status != FSCNN_OK) {
        return blame(source, status, err);
    }
    fscnn_model_get_info(opened->model, &info);
    status = check_model(run, &info, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (run->options->label_type == FSCNN_LABEL_TYPE_TRAIN_IDS) {
        note_labels_beyond(run, &item->truth, info.output_is_labels ? CITYSCAPES_CLASSES : info.classes);
    }
    status = fscnn_session_run(opened->session, FSCNN_INPUT_U8, item->picture.rgb, FSCNN_OUTPUT_LABELS,
                               item->predicted.labels, 1, err);
    if (status == FSCNN_OK) {
        size_t pixels = (size_t)item->truth.width * (size_t)item->truth.height;
        status = fscnn_evaluation_add(run->evaluation, item->predicted.labels, item->truth.labels, pixels, err);
    }
    return status == FSCNN_OK ? name_image(run, source, item, err) : blame(source, status, err);
}

static bool run_item(void *user, size_t i) {
    struct run *run = user;
    struct item *item = item_of(run, i);
    if (item->status == FSCNN_OK) {
        item->status = evaluate_item(run, source_of(run, i), item, &item->err);
    }
    return item->status == FSCNN_OK || item->left_out || fail_at(run, i, item->status, &item->err);
}

/* ----------------------------------------------------------------------------- writing ---- */

static bool write_item(void *user, size_t i) {
    struct run *run = user;
    struct item *item = item_of(run, i);
    struct fscnn_error err;
    enum fscnn_status status = FSCNN_OK;
    if (item->overlay) {
        status = fscnn_labels_write_png(item->overlay, &item->predicted, FSCNN_STYLE_OVERLAY, &item->picture, &err);
    }
    clear_item(item);
    return status == FSCNN_OK || fail_at(run, i, status, &err);
}

static void finish_item(void *user, size_t i) {
    struct run *run = user;
    const struct validation *o = run->options;
    const struct item *item = item_of(run, i);
    if (item->left_out) {
        progress_clear(o->bar);
        o->left_out(o->user, source_of(run, i), &item->err);
    }
    progress_update(o->bar, i + 1, o->count);
}

enum fscnn_status validation_run(const struct validation *options, struct fscnn_evaluation **out,
                                 struct fscnn_error *err) {
    int threads = options->threads ? options->threads : fscnn_cpu_cores();
    int readers = threads / 2 < 1 ? 1 : threads / 2;
    readers = readers < MAX_READERS ? readers : MAX_READERS;
    int writers = options->overlays ? readers : 1;
    struct run run = {.options = options, .lock = PTHREAD_MUTEX_INITIALIZER, .failed = options->count};
    struct stages stages = {.count = options->count,
                            .readers = readers,
                            .writers = writers,
                            .read_ahead = readers + 1,
                            .write_behind = writers + 1,
                            .read = read_item,
                            .run = run_item,
                            .write = write_item,
                            .finish = finish_item,
                            .user = &run};
    *out = NULL;
    enum fscnn_status status = model_cache_open(options->model, options->pool, options->threads, &run.models, err);
    if (status != FSCNN_OK) {
        return status;
    }
    run.num_items = (size_t)stages.read_ahead + (size_t)stages.write_behind;
    run.items = calloc(run.num_items, sizeof(*run.items));
    if (!run.items) {
        run.num_items = 0;
        run.status = fail(err, FSCNN_ERROR_MEMORY, "out of memory");
    } else if (stages_run(&stages)) {
        *out = run.evaluation;
        run.evaluation = NULL;
    } else if (run.status == FSCNN_OK) {
        run.status = fail(err, FSCNN_ERROR_MEMORY, "no thread can be started");
    } else {
        *err = run.err;
    }
    for (size_t i = 0; i < run.num_items; i++) {
        clear_item(&run.items[i]);
    }
    model_cache_free(&run.models);
    fscnn_evaluation_free(&run.evaluation);
    free(run.items);
    pthread_mutex_destroy(&run.lock);
    return run.status;
}
