/* Data set -> the files that evaluation tools read: pictures as the network's input, labels as train ids, all float.
 *
 * A small pool of threads takes pictures one by one, so that as many pictures are in memory as there are threads; the
 * calling thread waits, reports progress, and is told of the first error. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "eval/sort_log.h"
#include "image/labels.h"
#include "image/picture.h"

enum { MAX_THREADS = 256 };

/* What one thread works with; the buffers grow to the largest picture and are kept. */
struct worker {
    struct job *job;
    pthread_t thread;
    float *floats;
    size_t capacity; /* of floats */
    struct fscnn_error error;
};

struct job {
    const struct fscnn_dataset *dataset;
    const char *image_folder, *label_folder; /* of the output */
    bool force;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    size_t next, done, written;
    int running;
    enum fscnn_status status; /* the first error */
    struct fscnn_error error;
};

static enum fscnn_status reserve(struct worker *worker, const char *path, size_t count, struct fscnn_error *err) {
    if (count > worker->capacity) {
        free(worker->floats);
        worker->floats = picture_memory(path, count * sizeof(float), 0, err);
        worker->capacity = worker->floats ? count : 0;
    }
    return worker->floats ? FSCNN_OK : FSCNN_ERROR_MEMORY;
}

/* "FOLDER/STEM" + ending in fresh memory, NULL when out of memory. */
static char *output_path(const char *folder, const char *stem, const char *ending) {
    size_t size = strlen(folder) + strlen(stem) + strlen(ending) + 2;
    char *path = malloc(size);
    if (path) {
        snprintf(path, size, "%s/%s%s", folder, stem, ending);
    }
    return path;
}

static bool is_older(const struct stat *a, const struct stat *b) {
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* `made` is a file of `bytes` bytes and not older than `source`. */
static bool is_current(const char *made, uint64_t bytes, const char *source) {
    struct stat m, s;
    return stat(made, &m) == 0 && S_ISREG(m.st_mode) && (uint64_t)m.st_size == bytes && stat(source, &s) == 0 &&
           !is_older(&m, &s);
}

/* The size comes from the head of the picture alone: a second run over a finished data set is quick. */
static enum fscnn_status check_current(const struct fscnn_dataset_item *item, const char *image_out,
                                       const char *label_out, bool *current, struct fscnn_error *err) {
    struct file_map map;
    int width = 0, height = 0;
    enum fscnn_status status = file_map_open(item->image_path, &map, err);
    if (status == FSCNN_OK) {
        status = picture_decode_size(map.data, map.size, item->image_path, &width, &height, err);
        file_map_close(&map);
    }
    uint64_t bytes = (uint64_t)width * (uint64_t)height * sizeof(float);
    *current = status == FSCNN_OK && is_current(image_out, 3 * bytes, item->image_path) &&
               is_current(label_out, bytes, item->label_path);
    return status;
}

static enum fscnn_status write_image(struct worker *worker, const struct fscnn_dataset_item *item, const char *path,
                                     int size[2], struct fscnn_error *err) {
    struct fscnn_picture picture;
    enum fscnn_status status = fscnn_picture_read(item->image_path, &picture, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size[0] = picture.height;
    size[1] = picture.width;
    size_t count = 3 * (size_t)picture.width * (size_t)picture.height;
    status = reserve(worker, path, count, err);
    if (status == FSCNN_OK) {
        fscnn_normalize(&picture, worker->floats);
        status = file_write(path, worker->floats, count * sizeof(float), err);
    }
    fscnn_picture_free(&picture);
    return status;
}

static enum fscnn_status write_labels(struct worker *worker, const struct fscnn_dataset_item *item, const char *path,
                                      const int size[2], struct fscnn_error *err) {
    struct fscnn_labels labels;
    float value[256];
    enum fscnn_status status = fscnn_labels_read(item->label_path, &labels, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (labels.height != size[0] || labels.width != size[1]) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "%s: the labels are %dx%d, their picture %dx%d (height x width)",
                           item->label_path, labels.height, labels.width, size[0], size[1]);
        goto done;
    }
    for (int id = 0; id < 256; id++) {
        uint8_t train_id = fscnn_train_id_of_label_id(id);
        value[id] = train_id == LABEL_IGNORED ? -1.0F : (float)train_id;
    }
    size_t count = (size_t)labels.width * (size_t)labels.height;
    status = reserve(worker, path, count, err);
    if (status == FSCNN_OK) {
        for (size_t i = 0; i < count; i++) {
            worker->floats[i] = value[labels.labels[i]];
        }
        status = file_write(path, worker->floats, count * sizeof(float), err);
    }
done:
    fscnn_labels_free(&labels);
    return status;
}

static enum fscnn_status process_item(struct worker *worker, const struct fscnn_dataset_item *item, bool *written,
                                      struct fscnn_error *err) {
    const struct job *job = worker->job;
    int size[2];
    bool current = false;
    enum fscnn_status status = FSCNN_OK;
    char *image_out = output_path(job->image_folder, item->stem, "_leftImg8bit.bin");
    char *label_out = output_path(job->label_folder, item->stem, "_gtFine_labelIds.bin");
    if (!image_out || !label_out) {
        status = error_memory(err, strlen(item->stem), "a file name");
    } else if (!job->force) {
        status = check_current(item, image_out, label_out, &current, err);
    }
    if (status == FSCNN_OK && !current) {
        status = write_image(worker, item, image_out, size, err);
        if (status == FSCNN_OK) {
            status = write_labels(worker, item, label_out, size, err);
        }
        *written = true;
    }
    free(image_out);
    free(label_out);
    return status;
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct job *job = worker->job;
    pthread_mutex_lock(&job->lock);
    while (job->status == FSCNN_OK && job->next < job->dataset->count) {
        const struct fscnn_dataset_item *item = &job->dataset->items[job->next++];
        bool written = false;
        pthread_mutex_unlock(&job->lock);
        enum fscnn_status status = process_item(worker, item, &written, &worker->error);
        pthread_mutex_lock(&job->lock);
        if (status == FSCNN_OK) {
            job->done++;
            job->written += written;
        } else if (job->status == FSCNN_OK) {
            job->status = status;
            job->error = worker->error;
        }
        pthread_cond_signal(&job->changed);
    }
    job->running--;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

/* Reports every step from the calling thread until all workers have ended. */
static void wait_and_report(struct job *job, struct fscnn_progress progress) {
    size_t reported = 0;
    pthread_mutex_lock(&job->lock);
    for (;;) {
        size_t done = job->done;
        if (progress.report && done > reported) {
            pthread_mutex_unlock(&job->lock);
            progress.report(progress.user, done, job->dataset->count);
            pthread_mutex_lock(&job->lock);
            reported = done;
        } else if (job->running == 0) {
            break;
        } else {
            pthread_cond_wait(&job->changed, &job->lock);
        }
    }
    pthread_mutex_unlock(&job->lock);
}

static enum fscnn_status run_workers(struct job *job, int threads, struct fscnn_progress progress,
                                     struct fscnn_error *err) {
    struct worker *workers = calloc((size_t)threads, sizeof(*workers));
    if (!workers) {
        return error_memory(err, (size_t)threads * sizeof(*workers), "threads");
    }
    int started = 0, failure = 0;
    pthread_mutex_lock(&job->lock); /* so that `running` counts all before the first ends */
    while (started < threads && failure == 0) {
        workers[started].job = job;
        failure = pthread_create(&workers[started].thread, NULL, work, &workers[started]);
        started += failure == 0;
    }
    job->running = started;
    pthread_mutex_unlock(&job->lock);
    if (started > 0) {
        wait_and_report(job, progress); /* fewer threads than wished for do as well */
    }
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        free(workers[i].floats);
    }
    free(workers);
    if (started == 0) {
        return error_set(err, FSCNN_ERROR_MEMORY, "no thread could be started: %s", strerror(failure));
    }
    if (job->status != FSCNN_OK && err) {
        *err = job->error;
    }
    return job->status;
}

/* Names that the log cannot hold, which file systems allow, are told before minutes of work. */
static enum fscnn_status check_sort_log(const char *path, const struct fscnn_dataset *dataset,
                                        struct fscnn_error *err) {
    for (size_t i = 0; i < dataset->count; i++) {
        const char *image_path = dataset->items[i].image_path, *flaw = sort_log_flaw(path_base(image_path));
        if (flaw) {
            return error_set(err, FSCNN_ERROR_FORMAT, "%s: cannot be listed in %s: %s", image_path, path, flaw);
        }
    }
    return FSCNN_OK;
}

static enum fscnn_status write_sort_log(const char *path, const struct fscnn_dataset *dataset,
                                        struct fscnn_error *err) {
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    for (size_t i = 0; i < dataset->count; i++) {
        fprintf(out.stream, "%s_leftImg8bit.png\n", dataset->items[i].stem);
    }
    return fscnn_output_commit(&out, err);
}

static enum fscnn_status make_folders(const char *output, char **images, char **labels, struct fscnn_error *err) {
    enum fscnn_status status = folder_make(output, err); /* before "/" hides that it is empty */
    if (status != FSCNN_OK) {
        return status;
    }
    *images = path_join(output, "leftImg8bit");
    *labels = path_join(output, "gtFine");
    if (!*images || !*labels) {
        return error_memory(err, strlen(output), "a file name");
    }
    status = folder_make(*images, err);
    return status == FSCNN_OK ? folder_make(*labels, err) : status;
}

static int count_threads(int wanted, size_t pictures) {
    int threads = wanted > 0 ? wanted : fscnn_cpu_cores();
    threads = threads < MAX_THREADS ? threads : MAX_THREADS;
    return pictures > 0 && pictures < (size_t)threads ? (int)pictures : threads;
}

enum fscnn_status fscnn_preprocess(const struct fscnn_preprocess_options *options,
                                   struct fscnn_preprocess_result *result, struct fscnn_error *err) {
    struct fscnn_dataset dataset = {0};
    char *images = NULL, *labels = NULL;
    *result = (struct fscnn_preprocess_result){0};
    if (!options->input_path || !options->output_path || options->threads < 0) {
        return error_set(err, FSCNN_ERROR_USAGE, "preprocess: needs a data set, an output folder and threads >= 0");
    }
    enum fscnn_status status = fscnn_dataset_open(options->input_path, options->split, options->log, &dataset, err);
    if (status == FSCNN_OK && options->sort_log_path) {
        status = check_sort_log(options->sort_log_path, &dataset, err);
    }
    if (status == FSCNN_OK) {
        status = make_folders(options->output_path, &images, &labels, err);
    }
    if (status == FSCNN_OK) {
        struct job job = {.dataset = &dataset,
                          .image_folder = images,
                          .label_folder = labels,
                          .force = options->force,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
        status = run_workers(&job, count_threads(options->threads, dataset.count), options->progress, err);
        *result = (struct fscnn_preprocess_result){
            .written = job.written, .up_to_date = job.done - job.written, .unlabelled = dataset.skipped};
    }
    if (status == FSCNN_OK && options->sort_log_path) {
        status = write_sort_log(options->sort_log_path, &dataset, err);
    }
    free(images);
    free(labels);
    fscnn_dataset_free(&dataset);
    return status;
}
