/* Result files against label files, on all cores. Workers take images in turn and leave each one's confusion matrix in
 * a slot; the caller's thread adds the slots up in the order of sort.log, which the guide's figures depend on. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eval/confusion.h"
#include "eval/result_files.h"
#include "eval/sort_log.h"

enum { MAX_THREADS = 256, SLOTS_PER_THREAD = 2 };

struct slot {
    bool ready;
    enum fscnn_status status;
    struct fscnn_error err;
    uint64_t *matrix; /* [classes, classes] of one image */
};

struct job {
    const struct fscnn_evaluate_options *options;
    struct sort_log log;
    int classes;
    bool classes_assumed; /* the results do not tell */
    struct slot *slots;   /* image i: slots[i % num_slots] */
    size_t num_slots;
    pthread_mutex_t lock; /* of what follows, and of slots[].ready */
    pthread_cond_t changed;
    size_t next;  /* image to take */
    size_t added; /* images added up; their slots are free */
    bool stop;
};

/* ROOT/STEM + the one of the endings that exists, in fresh memory. Errors: IO where none does, FORMAT where several do:
 * one of them is of another run. */
static enum fscnn_status find_file(const char *root, const char *stem, const char *what, const char *const *endings,
                                   char **out, struct fscnn_error *err) {
    size_t size = strlen(root) + strlen(stem) + 64;
    const char *found = NULL;
    enum fscnn_status status = FSCNN_OK;
    *out = malloc(size);
    if (!*out) {
        return error_memory(err, size, "a file name");
    }
    const char *slash = root[0] && root[strlen(root) - 1] == '/' ? "" : "/";
    for (int i = 0; endings[i] && status == FSCNN_OK; i++) {
        snprintf(*out, size, "%s%s%s%s", root, slash, stem, endings[i]);
        if (access(*out, F_OK) == 0 && found) {
            status = error_set(err, FSCNN_ERROR_FORMAT, "%s: there is %s, too: remove the one that is not meant", *out,
                               found);
        } else if (access(*out, F_OK) == 0) {
            found = endings[i];
        }
    }
    snprintf(*out, size, "%s%s%s%s", root, slash, stem, found ? found : endings[0]);
    if (!found) {
        status = error_set(err, FSCNN_ERROR_IO, "%s: no such %s file", *out, what);
    }
    if (status != FSCNN_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static const char *const result_endings[] = {"_leftImg8bit_0.bin", "_leftImg8bit_0.npy", "_leftImg8bit_0.txt", NULL};
static const char *const label_endings[] = {"_gtFine_labelIds.bin", "_gtFine_labelIds.npy", NULL};

static enum fscnn_status find_result(const struct job *job, size_t i, char **out, struct fscnn_error *err) {
    return find_file(job->options->result_root, job->log.stems[i], "result (.bin, .npy, .txt)", result_endings, out,
                     err);
}

static enum fscnn_status find_label(const struct job *job, size_t i, char **out, struct fscnn_error *err) {
    return find_file(job->options->label_root, job->log.stems[i], "label (.bin, .npy)", label_endings, out, err);
}

/* Missing files are told before minutes of work, and how many there are. */
static enum fscnn_status check_files(const struct job *job, struct fscnn_error *err) {
    size_t missing = 0;
    struct fscnn_error first = {""}, other = {""};
    for (size_t i = 0; i < job->log.count; i++) {
        for (int kind = 0; kind < 2; kind++) {
            char *path = NULL;
            struct fscnn_error *text = missing ? &other : &first;
            enum fscnn_status status = kind ? find_label(job, i, &path, text) : find_result(job, i, &path, text);
            free(path);
            if (status == FSCNN_ERROR_MEMORY || status == FSCNN_ERROR_FORMAT) {
                return error_set(err, status, "%s", text->text);
            }
            missing += status != FSCNN_OK;
        }
    }
    if (missing == 0) {
        return FSCNN_OK;
    }
    if (missing == 1) {
        return error_set(err, FSCNN_ERROR_IO, "%.500s", first.text);
    }
    return error_set(err, FSCNN_ERROR_IO, "%.400s (and %zu more file%s of the %zu image%s %s missing)", first.text,
                     missing - 1, missing == 2 ? "" : "s", job->log.count, job->log.count == 1 ? "" : "s",
                     missing == 2 ? "is" : "are");
}

/* Reads image i; *classes as result_file_read has it. */
static enum fscnn_status read_image(const struct job *job, size_t i, int *classes, struct label_buffer *predicted,
                                    struct label_buffer *truth, char **result_path, struct fscnn_error *err) {
    char *label_path = NULL;
    *result_path = NULL;
    enum fscnn_status status = find_label(job, i, &label_path, err);
    if (status == FSCNN_OK) {
        status = find_result(job, i, result_path, err);
    }
    if (status == FSCNN_OK) {
        status = label_file_read(label_path, *classes, truth, err);
    }
    if (status == FSCNN_OK) {
        status = result_file_read(*result_path, truth->count, classes, predicted, err);
    }
    free(label_path);
    return status;
}

/* The number of classes, from the first result unless it was given. */
static enum fscnn_status find_classes(struct job *job, struct fscnn_error *err) {
    job->classes = job->options->classes;
    if (job->classes) {
        return FSCNN_OK;
    }
    struct label_buffer predicted = {0}, truth = {0};
    char *path = NULL;
    enum fscnn_status status = read_image(job, 0, &job->classes, &predicted, &truth, &path, err);
    if (job->classes == 0) {
        job->classes = DEFAULT_CLASSES; /* labels do not tell */
        job->classes_assumed = true;
    }
    free(path);
    label_buffer_release(&predicted);
    label_buffer_release(&truth);
    return status;
}

static enum fscnn_status count_image(const struct job *job, size_t i, struct confusion_counter *counter,
                                     struct label_buffer *predicted, struct label_buffer *truth, uint64_t *matrix,
                                     struct fscnn_error *err) {
    char *path = NULL;
    int classes = job->classes;
    memset(matrix, 0, (size_t)classes * (size_t)classes * sizeof(*matrix));
    enum fscnn_status status = read_image(job, i, &classes, predicted, truth, &path, err);
    if (status == FSCNN_OK) {
        status = confusion_count(counter, predicted->labels, truth->labels, truth->count, matrix, err);
        if (status == FSCNN_ERROR_USAGE) { /* of the file, not of the caller */
            status = error_prefix(err, FSCNN_ERROR_FORMAT, "%.300s", path);
        }
    }
    free(path);
    return status;
}

/* Takes the next image once its slot is free; false when there is none to take. */
static bool take_image(struct job *job, size_t *i) {
    pthread_mutex_lock(&job->lock);
    while (!job->stop && job->next < job->log.count && job->next - job->added >= job->num_slots) {
        pthread_cond_wait(&job->changed, &job->lock);
    }
    bool taken = !job->stop && job->next < job->log.count;
    if (taken) {
        *i = job->next++;
    }
    pthread_mutex_unlock(&job->lock);
    return taken;
}

static void *work(void *argument) {
    struct job *job = argument;
    struct confusion_counter counter;
    struct label_buffer predicted = {0}, truth = {0};
    struct fscnn_error counter_error = {""};
    enum fscnn_status counter_status = confusion_counter_init(&counter, job->classes, &counter_error);
    size_t i;
    while (take_image(job, &i)) {
        struct slot *slot = &job->slots[i % job->num_slots];
        slot->status = counter_status;
        slot->err = counter_error;
        if (counter_status == FSCNN_OK) {
            slot->status = count_image(job, i, &counter, &predicted, &truth, slot->matrix, &slot->err);
        }
        pthread_mutex_lock(&job->lock);
        slot->ready = true;
        pthread_cond_broadcast(&job->changed);
        pthread_mutex_unlock(&job->lock);
    }
    confusion_counter_release(&counter);
    label_buffer_release(&predicted);
    label_buffer_release(&truth);
    return NULL;
}

/* Adds the images up in order; the first error in that order is the one that is told. */
static enum fscnn_status add_images(struct job *job, struct fscnn_evaluation *evaluation, struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    const struct fscnn_progress progress = job->options->progress;
    for (size_t i = 0; status == FSCNN_OK && i < job->log.count; i++) {
        struct slot *slot = &job->slots[i % job->num_slots];
        pthread_mutex_lock(&job->lock);
        while (!slot->ready) {
            pthread_cond_wait(&job->changed, &job->lock);
        }
        pthread_mutex_unlock(&job->lock);
        status = slot->status;
        if (status != FSCNN_OK) {
            error_set(err, status, "%s", slot->err.text);
            break;
        }
        status = evaluation_add_matrix(evaluation, slot->matrix, err);
        if (status == FSCNN_OK) {
            status = fscnn_evaluation_name_last(evaluation, job->log.stems[i], NULL, err);
        }
        pthread_mutex_lock(&job->lock);
        slot->ready = false;
        job->added++;
        pthread_cond_broadcast(&job->changed);
        pthread_mutex_unlock(&job->lock);
        if (progress.report) {
            progress.report(progress.user, i + 1, job->log.count);
        }
    }
    return status;
}

static enum fscnn_status run_workers(struct job *job, int threads, struct fscnn_evaluation *evaluation,
                                     struct fscnn_error *err) {
    pthread_t ids[MAX_THREADS];
    int started = 0;
    while (started < threads && pthread_create(&ids[started], NULL, work, job) == 0) {
        started++;
    }
    enum fscnn_status status =
        started ? add_images(job, evaluation, err) : error_set(err, FSCNN_ERROR_MEMORY, "no thread can be started");
    pthread_mutex_lock(&job->lock);
    job->stop = true;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
    for (int i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
    }
    return status;
}

static enum fscnn_status make_slots(struct job *job, size_t count, struct fscnn_error *err) {
    size_t cells = (size_t)job->classes * (size_t)job->classes;
    job->slots = calloc(count + 1, sizeof(*job->slots));
    for (; job->slots && job->num_slots < count; job->num_slots++) {
        uint64_t *matrix = malloc(cells * sizeof(*matrix));
        if (!matrix) {
            break;
        }
        job->slots[job->num_slots].matrix = matrix;
    }
    return job->num_slots == count ? FSCNN_OK : error_memory(err, count * cells * sizeof(uint64_t), "images' matrices");
}

static void release_job(struct job *job) {
    for (size_t i = 0; i < job->num_slots; i++) {
        free(job->slots[i].matrix);
    }
    free(job->slots);
    sort_log_free(&job->log);
    pthread_mutex_destroy(&job->lock);
    pthread_cond_destroy(&job->changed);
}

/* Classes that neither results nor labels have count as 0 in mIoU: with fewer classes than assumed it would be too low.
 */
static void doubt_classes(const struct job *job, const struct fscnn_evaluation *evaluation) {
    int last = job->classes;
    for (struct fscnn_class_scores s = {0}; last > 0 && s.truth == 0 && s.predicted == 0;) {
        fscnn_evaluation_get_class(evaluation, --last, &s);
    }
    if (last + 1 < job->classes) {
        log_line(job->options->log,
                 "%d classes are counted, but no label is above %d: for a model of fewer classes say how many",
                 job->classes, last);
    }
}

static bool is_empty(const char *text) { return !text || !*text; }

enum fscnn_status fscnn_evaluate_files(const struct fscnn_evaluate_options *options, struct fscnn_evaluation **out,
                                       struct fscnn_error *err) {
    struct job job = {.options = options, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct fscnn_evaluation *evaluation = NULL;
    *out = NULL;
    if (is_empty(options->result_root) || is_empty(options->label_root) || !options->sort_log || options->threads < 0 ||
        options->classes < 0 || options->classes > FSCNN_MAX_CLASSES) {
        return error_set(err, FSCNN_ERROR_USAGE,
                         "evaluation needs a folder of results, one of labels, a sort.log, and at most %d classes",
                         FSCNN_MAX_CLASSES);
    }
    int threads = options->threads ? options->threads : fscnn_cpu_cores();
    threads = threads < MAX_THREADS ? threads : MAX_THREADS;
    enum fscnn_status status = sort_log_read(options->sort_log, &job.log, err);
    if (status == FSCNN_OK) {
        threads = (size_t)threads < job.log.count ? threads : (int)job.log.count;
        status = check_files(&job, err);
    }
    if (status == FSCNN_OK) {
        status = find_classes(&job, err);
    }
    if (status == FSCNN_OK) {
        status = make_slots(&job, (size_t)threads * SLOTS_PER_THREAD, err);
    }
    if (status == FSCNN_OK) {
        status = fscnn_evaluation_create(job.classes, &evaluation, err);
    }
    if (status == FSCNN_OK) {
        status = run_workers(&job, threads, evaluation, err);
    }
    if (status == FSCNN_OK && job.classes_assumed) {
        doubt_classes(&job, evaluation);
    }
    if (status == FSCNN_OK) {
        *out = evaluation;
        evaluation = NULL;
    }
    fscnn_evaluation_free(&evaluation);
    release_job(&job);
    return status;
}
