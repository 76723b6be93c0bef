/* Data set -> the files that evaluation tools read: pictures as the network's input, labels as train ids, all float.
 *
 * A small pool of threads takes pictures one by one, so that as many pictures are in memory as there are threads; the
 * calling thread waits, reports progress, and is told of the first error. */
#include <fcntl.h>
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
    enum fscnn_label_type label_type;
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

/* The time that what is made of `path` gets, as it is before that is read. */
static struct timespec time_of(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 ? s.st_mtim : (struct timespec){.tv_nsec = UTIME_OMIT};
}

/* `made` is a file of `bytes` bytes with that time. Not merely one that is younger: the pictures of another data set,
 * or corrected ones out of an archive, may be older than what was made of those before. */
static bool is_current(const char *made, uint64_t bytes, struct timespec time) {
    struct stat s;
    return stat(made, &s) == 0 && S_ISREG(s.st_mode) && (uint64_t)s.st_size == bytes &&
           s.st_mtim.tv_sec == time.tv_sec && s.st_mtim.tv_nsec == time.tv_nsec;
}

/* Where the file system keeps coarser times than the source's, the next run makes the file again. */
static void give_time(const char *made, struct timespec time) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time};
    (void)utimensat(AT_FDCWD, made, times, 0);
}

/* The size comes from the head of the picture alone: a second run over a finished data set is quick. */
static enum fscnn_status picture_size(const char *path, int size[2], struct fscnn_error *err) {
    struct file_map map;
    enum fscnn_status status = file_map_open(path, &map, err);
    if (status == FSCNN_OK) {
        status = picture_decode_size(map.data, map.size, path, &size[1], &size[0], err);
        file_map_close(&map);
    }
    return status;
}

static enum fscnn_status write_image(struct worker *worker, const struct fscnn_dataset_item *item, const char *path,
                                     struct timespec time, struct fscnn_error *err) {
    struct fscnn_picture picture;
    enum fscnn_status status = fscnn_picture_read(item->image_path, &picture, err);
    if (status != FSCNN_OK) {
        return status;
    }
    size_t count = 3 * (size_t)picture.width * (size_t)picture.height;
    status = reserve(worker, path, count, err);
    if (status == FSCNN_OK) {
        fscnn_normalize(&picture, worker->floats);
        status = file_write(path, worker->floats, count * sizeof(float), err);
    }
    if (status == FSCNN_OK) {
        give_time(path, time);
    }
    fscnn_picture_free(&picture);
    return status;
}

static enum fscnn_status read_labels(const struct fscnn_dataset_item *item, const int size[2], struct fscnn_labels *out,
                                     struct fscnn_error *err) {
    enum fscnn_status status = fscnn_labels_read(item->label_path, out, err);
    if (status == FSCNN_OK && (out->height != size[0] || out->width != size[1])) {
        status = error_set(err, FSCNN_ERROR_FORMAT, "%s: the labels are %dx%d, their picture %dx%d (height x width)",
                           item->label_path, out->height, out->width, size[0], size[1]);
        fscnn_labels_free(out);
    }
    return status;
}

static enum fscnn_status write_labels(struct worker *worker, const struct fscnn_labels *labels, const char *path,
                                      struct timespec time, struct fscnn_error *err) {
    const bool own = worker->job->label_type == FSCNN_LABEL_TYPE_TRAIN_IDS;
    float value[256];
    for (int id = 0; id < 256; id++) {
        uint8_t train_id = own ? (uint8_t)id : fscnn_train_id_of_label_id(id);
        value[id] = train_id == LABEL_IGNORED ? -1.0F : (float)train_id;
    }
    size_t count = (size_t)labels->width * (size_t)labels->height;
    enum fscnn_status status = reserve(worker, path, count, err);
    if (status == FSCNN_OK) {
        for (size_t i = 0; i < count; i++) {
            worker->floats[i] = value[labels->labels[i]];
        }
        status = file_write(path, worker->floats, count * sizeof(float), err);
    }
    if (status == FSCNN_OK) {
        give_time(path, time);
    }
    return status;
}

/* Labels are read before the picture is written, so that a bad pair leaves nothing behind. */
static enum fscnn_status write_pair(struct worker *worker, const struct fscnn_dataset_item *item, const char *image_out,
                                    const char *label_out, bool *written, struct fscnn_error *err) {
    const struct job *job = worker->job;
    const struct timespec image_time = time_of(item->image_path);
    struct timespec label_time = time_of(item->label_path);
    struct fscnn_labels labels;
    int size[2] = {0, 0};
    enum fscnn_status status = picture_size(item->image_path, size, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (job->label_type == FSCNN_LABEL_TYPE_TRAIN_IDS) {
        label_time.tv_nsec ^= 1; /* one file may be read in two ways: what came of each is told apart */
    }
    const uint64_t bytes = (uint64_t)size[0] * (uint64_t)size[1] * sizeof(float);
    const bool write_both = job->force || !is_current(image_out, 3 * bytes, image_time);
    *written = write_both || !is_current(label_out, bytes, label_time);
    if (!*written) {
        return FSCNN_OK;
    }
    status = read_labels(item, size, &labels, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (write_both) {
        status = write_image(worker, item, image_out, image_time, err);
    }
    if (status == FSCNN_OK) {
        status = write_labels(worker, &labels, label_out, label_time, err);
    }
    fscnn_labels_free(&labels);
    return status;
}

static enum fscnn_status process_item(struct worker *worker, const struct fscnn_dataset_item *item, bool *written,
                                      struct fscnn_error *err) {
    const struct job *job = worker->job;
    enum fscnn_status status;
    char *image_out = output_path(job->image_folder, item->stem, "_leftImg8bit.bin");
    char *label_out = output_path(job->label_folder, item->stem, "_gtFine_labelIds.bin");
    if (!image_out || !label_out) {
        status = error_memory(err, strlen(item->stem), "a file name");
    } else {
        status = write_pair(worker, item, image_out, label_out, written, err);
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
    if (!options->input_path || !options->output_path || options->threads < 0 ||
        (unsigned)options->label_type > FSCNN_LABEL_TYPE_TRAIN_IDS) {
        return error_set(err, FSCNN_ERROR_USAGE,
                         "preprocess: needs a data set, an output folder, a label type and threads >= 0");
    }
    enum fscnn_status status =
        fscnn_dataset_open(options->input_path, options->split, options->label_type, options->log, &dataset, err);
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
                          .label_type = options->label_type,
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
