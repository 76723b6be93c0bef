/* The Cityscapes layout: which pictures of a split have labels.
 *
 *   ROOT/leftImg8bit/SPLIT/CITY/STEM_leftImg8bit.png
 *   ROOT/gtFine/SPLIT/CITY/STEM_gtFine_labelIds.png, STEM_gtFine_labelTrainIds.png
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static const char image_ending[] = "_leftImg8bit.png";
/* By label type; the first that is there. */
static const char *const label_endings[][3] = {
    [FSCNN_LABEL_TYPE_LABEL_IDS] = {"_gtFine_labelIds.png"},
    [FSCNN_LABEL_TYPE_TRAIN_IDS] = {"_gtFine_labelTrainIds.png", "_gtFine_labelIds.png"},
};

/* Hidden entries include "._NAME", which archives made on a Mac carry beside each file. */
static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static bool is_folder(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static bool is_file(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

static void free_entries(struct dirent **entries, int count) {
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

/* scandir in byte order, without hidden entries. Errors: IO. */
static enum fscnn_status list_folder(const char *path, struct dirent ***entries, int *count, struct fscnn_error *err) {
    *entries = NULL;
    *count = scandir(path, entries, is_visible, by_name);
    if (*count < 0) {
        *count = 0;
        return error_set(err, FSCNN_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    return FSCNN_OK;
}

/* "ROOT/KIND/SPLIT" in fresh memory, NULL when out of memory. */
static char *split_folder(const char *root, const char *kind, const char *split) {
    char *folder = path_join(root, kind);
    char *path = folder ? path_join(folder, split) : NULL;
    free(folder);
    return path;
}

static enum fscnn_status layout_error(enum fscnn_status status, const char *path, const char *cause,
                                      struct fscnn_error *err) {
    return error_set(err, status,
                     "%s: %s; expected: DATA/leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and "
                     "DATA/gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png",
                     path, cause);
}

static void free_item(struct fscnn_dataset_item *item) {
    free(item->stem);
    free(item->image_path);
    free(item->label_path);
}

/* A data set in the making. */
struct scan {
    const char *const *label_endings; /* of the label type */
    struct fscnn_log log;
    struct fscnn_dataset *out;
    size_t capacity; /* of out->items */
};

static enum fscnn_status add_item(struct scan *scan, struct fscnn_dataset_item item, struct fscnn_error *err) {
    struct fscnn_dataset *out = scan->out;
    if (out->count == scan->capacity) {
        size_t grown = scan->capacity ? scan->capacity * 2 : 64;
        struct fscnn_dataset_item *items = realloc(out->items, grown * sizeof(*items));
        if (!items) {
            free_item(&item);
            return error_memory(err, grown * sizeof(*items), "the list of pictures");
        }
        out->items = items;
        scan->capacity = grown;
    }
    out->items[out->count++] = item;
    return FSCNN_OK;
}

/* FOLDER/STEM + the first of the endings that is there, or the first of all, in fresh memory; NULL when out of memory.
 */
static char *label_path(const char *folder, const char *stem, const char *const *endings) {
    const size_t size = strlen(folder) + strlen(stem) + 64;
    char *path = malloc(size);
    for (int i = 0; path && endings[i]; i++) {
        snprintf(path, size, "%s/%s%s", folder, stem, endings[i]);
        if (is_file(path)) {
            return path;
        }
    }
    if (path) {
        snprintf(path, size, "%s/%s%s", folder, stem, endings[0]);
    }
    return path;
}

/* One picture: its names, then its place in the list - or in the log, where its label file is missing. */
static enum fscnn_status take_picture(struct scan *scan, const char *image_folder, const char *label_folder,
                                      const char *name, struct fscnn_error *err) {
    const size_t length = strlen(name) - strlen(image_ending);
    struct fscnn_dataset_item item = {.stem = strndup(name, length), .image_path = path_join(image_folder, name)};
    if (item.stem) {
        item.label_path = label_path(label_folder, item.stem, scan->label_endings);
    }
    if (!item.stem || !item.image_path || !item.label_path) {
        free_item(&item);
        return error_memory(err, length, "file names");
    }
    if (!is_file(item.label_path)) {
        log_line(scan->log, "%s: skipped, no label file %s", item.image_path, item.label_path);
        scan->out->skipped++;
        free_item(&item);
        return FSCNN_OK;
    }
    return add_item(scan, item, err);
}

static bool is_picture_name(const char *name) {
    size_t length = strlen(name), ending = strlen(image_ending);
    return length > ending && strcmp(name + length - ending, image_ending) == 0;
}

static enum fscnn_status take_city(struct scan *scan, const char *image_folder, const char *label_folder,
                                   struct fscnn_error *err) {
    struct dirent **entries;
    int count;
    enum fscnn_status status = list_folder(image_folder, &entries, &count, err);
    for (int i = 0; i < count && status == FSCNN_OK; i++) {
        if (is_picture_name(entries[i]->d_name)) {
            status = take_picture(scan, image_folder, label_folder, entries[i]->d_name, err);
        }
    }
    free_entries(entries, count);
    return status;
}

static int by_stem(const void *a, const void *b) {
    const struct fscnn_dataset_item *const *x = a, *const *y = b;
    return strcmp((*x)->stem, (*y)->stem);
}

/* Results are kept by stem in one folder, so that two pictures of one name would overwrite each other. */
static enum fscnn_status check_unique(const struct fscnn_dataset *dataset, struct fscnn_error *err) {
    const struct fscnn_dataset_item **sorted = malloc((dataset->count + 1) * sizeof(*sorted));
    if (!sorted) {
        return error_memory(err, dataset->count * sizeof(*sorted), "the list of pictures");
    }
    for (size_t i = 0; i < dataset->count; i++) {
        sorted[i] = &dataset->items[i];
    }
    qsort(sorted, dataset->count, sizeof(*sorted), by_stem);
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 1; i < dataset->count && status == FSCNN_OK; i++) {
        if (strcmp(sorted[i - 1]->stem, sorted[i]->stem) == 0) {
            status = error_set(err, FSCNN_ERROR_FORMAT, "%s: the name is taken by %s", sorted[i]->image_path,
                               sorted[i - 1]->image_path);
        }
    }
    free(sorted);
    return status;
}

static enum fscnn_status take_cities(struct scan *scan, const char *images, const char *labels,
                                     struct fscnn_error *err) {
    struct dirent **cities;
    int count;
    enum fscnn_status status = list_folder(images, &cities, &count, err);
    for (int i = 0; i < count && status == FSCNN_OK; i++) {
        char *image_folder = path_join(images, cities[i]->d_name);
        char *label_folder = path_join(labels, cities[i]->d_name);
        if (!image_folder || !label_folder) {
            status = error_memory(err, strlen(images), "a file name");
        } else if (is_folder(image_folder)) {
            status = take_city(scan, image_folder, label_folder, err);
        }
        free(image_folder);
        free(label_folder);
    }
    free_entries(cities, count);
    return status;
}

enum fscnn_status fscnn_dataset_open(const char *root, const char *split, enum fscnn_label_type label_type,
                                     struct fscnn_log log, struct fscnn_dataset *out, struct fscnn_error *err) {
    enum fscnn_status status;
    *out = (struct fscnn_dataset){0};
    if ((unsigned)label_type > FSCNN_LABEL_TYPE_TRAIN_IDS) {
        return error_set(err, FSCNN_ERROR_USAGE, "there is no label type %d", (int)label_type);
    }
    if (!root || root[0] == '\0') {
        return error_set(err, FSCNN_ERROR_USAGE,
                         root ? "a folder's name is empty" : "no folder of a data set is named");
    }
    split = split ? split : "val";
    char *images = split_folder(root, "leftImg8bit", split), *labels = split_folder(root, "gtFine", split);
    if (!images || !labels) {
        status = error_memory(err, strlen(root), "a file name");
    } else if (!is_folder(images)) {
        status = layout_error(FSCNN_ERROR_IO, images, "there is no such folder", err);
    } else if (!is_folder(labels)) {
        status = layout_error(FSCNN_ERROR_IO, labels, "there is no such folder", err);
    } else {
        struct scan scan = {.label_endings = label_endings[label_type], .log = log, .out = out};
        status = take_cities(&scan, images, labels, err);
    }
    if (status == FSCNN_OK && out->count == 0) {
        status = layout_error(FSCNN_ERROR_FORMAT, images,
                              out->skipped ? "none of the pictures has a label file" : "no pictures found", err);
    }
    if (status == FSCNN_OK) {
        status = check_unique(out, err);
    }
    free(images);
    free(labels);
    if (status != FSCNN_OK) {
        fscnn_dataset_free(out);
    }
    return status;
}

void fscnn_dataset_free(struct fscnn_dataset *dataset) {
    for (size_t i = 0; i < dataset->count; i++) {
        free_item(&dataset->items[i]);
    }
    free(dataset->items);
    *dataset = (struct fscnn_dataset){0};
}
