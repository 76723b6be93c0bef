/* fastscnn - real-time semantic segmentation on ordinary processors.
 *
 * The only public header of libfastscnn, in layers:
 *   1. status and errors
 *   2. pictures              PNG and JPEG <-> 8-bit RGB, label maps as PNG
 *   3. models and sessions   run an offline model (.fscnn)
 *   4. compiling             checkpoint (.pth) or ONNX -> offline model, ONNX
 *   5. evaluation            label maps against ground truth
 *   6. data sets             the Cityscapes layout, preprocessing
 *
 * Conventions. Everything fallible returns enum fscnn_status and fills the caller's
 * struct fscnn_error (may be NULL) with one line: file, place and cause. The library never
 * prints, exits or aborts on input. x_create / x_load pair with x_free(&p), which accepts a
 * pointer to NULL and leaves NULL behind. Strings and arrays passed in stay the caller's. A value
 * that an enum does not have, as bindings may pass one, is error USAGE.
 * Functions are thread-safe as long as two threads do not use one object that is not const.
 */
#ifndef FASTSCNN_FASTSCNN_H
#define FASTSCNN_FASTSCNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FSCNN_API __attribute__((visibility("default")))
#define FSCNN_NODISCARD __attribute__((warn_unused_result))
#else
#define FSCNN_API
#define FSCNN_NODISCARD
#endif

#define FSCNN_VERSION "0.1.0"

/* ---------------------------------------------------------------- 1. status and errors ---- */

enum fscnn_status {
    FSCNN_OK = 0,
    FSCNN_ERROR_USAGE,       /* an argument or option makes no sense */
    FSCNN_ERROR_IO,          /* a file cannot be opened, read or written */
    FSCNN_ERROR_FORMAT,      /* a file is damaged or not what it claims to be */
    FSCNN_ERROR_UNSUPPORTED, /* well-formed, but outside what this library does */
    FSCNN_ERROR_MEMORY,      /* out of memory, or a size beyond the limits */
    FSCNN_ERROR_INTERNAL,    /* a bug in the library */
};

/* One line of text, no newline: "model.pth: data.pkl +1432: global posix.system refused". */
struct fscnn_error {
    char text[512];
};

/* Reports progress of a long job; called from the thread that called the job, never concurrently. */
struct fscnn_progress {
    void (*report)(void *user, uint64_t done, uint64_t total);
    void *user;
};

/* Receives one line of text (no newline), e.g. what the compiler fused. */
struct fscnn_log {
    void (*line)(void *user, const char *text);
    void *user;
};

/* A file being written, which appears under its name only when it is complete; all that the library writes does so.
 *   fscnn_output_open -> write to out.stream -> fscnn_output_commit  or  fscnn_output_discard.
 * Until the commit it has a temporary name in the same folder. A file that was there is replaced by one of the same
 * permissions; of a symbolic link, the file that it leads to. A device, a pipe or a terminal is written to as it is. */
struct fscnn_output {
    FILE *stream; /* knows the address of this struct, which must stay where it is */
    char *path, *temporary;
    int fd;    /* the stream's */
    int cause; /* errno of the first failed write, 0 where there is none */
};
/* Errors: IO, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_output_open(const char *path, struct fscnn_output *out,
                                                              struct fscnn_error *err);
/* Error IO: tells the cause of the first write that failed, so that none of them needs to be looked at. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_output_commit(struct fscnn_output *out, struct fscnn_error *err);
/* Safe after a commit and on a zeroed struct. */
FSCNN_API void fscnn_output_discard(struct fscnn_output *out);

/* For programs that a signal may end: names of temporary files under which outputs are being written. `made` is called
 * right before there is one, `gone` when it has been renamed or removed or could not be made, by whichever thread
 * writes; both NULL: nobody is told. To be called while no other thread uses the library. */
FSCNN_API void fscnn_watch_temporaries(void (*made)(const char *name), void (*gone)(const char *name));

FSCNN_API const char *fscnn_version(void);

/* ------------------------------------------------------------------------- 2. pictures ---- */

/* 8-bit RGB, rows without padding: rgb [height, width, 3]. */
struct fscnn_picture {
    int width, height;
    uint8_t *rgb;
};

/* Reads a PNG (any colour type and depth, reduced to 8-bit RGB; alpha is dropped) or JPEG, told apart by content.
 * Errors: IO, FORMAT, UNSUPPORTED, MEMORY (more than 2^28 pixels, or than fit the
 * memory that is available). Free with fscnn_picture_free. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_picture_read(const char *path, struct fscnn_picture *out,
                                                               struct fscnn_error *err);
FSCNN_API void fscnn_picture_free(struct fscnn_picture *picture);

/* Writes rgb [height, width, 3] as a PNG. The file appears under its name only when it is complete. Errors: IO, USAGE
 * (an empty picture), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_picture_write_png(const char *path, const struct fscnn_picture *in,
                                                                    struct fscnn_error *err);

/* A single-channel 8-bit picture: labels [height, width]. */
struct fscnn_labels {
    int width, height;
    uint8_t *labels;
};

/* Reads a single-channel 8-bit (grey or palette index) PNG as labels. Errors as fscnn_picture_read; UNSUPPORTED for any
 * other picture. Free with fscnn_labels_free. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_labels_read(const char *path, struct fscnn_labels *out,
                                                              struct fscnn_error *err);
FSCNN_API void fscnn_labels_free(struct fscnn_labels *labels);

/* How a map of train ids becomes a picture. */
enum fscnn_style {
    FSCNN_STYLE_OVERLAY,  /* colours blended over the photograph (RGB) */
    FSCNN_STYLE_COLOR,    /* class colours (RGB) */
    FSCNN_STYLE_TRAINIDS, /* grey, value = train id */
    FSCNN_STYLE_LABELIDS, /* grey, value = Cityscapes label id, as Cityscapes' own evaluator wants it */
};

/* Draws train ids [height, width] in a style and writes a PNG. `photo` has the same size; it is needed for
 * OVERLAY only and may be NULL otherwise. Errors: IO, USAGE (LABELIDS with a train id above 18, a photograph of another
 * size, an empty map), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status
fscnn_labels_write_png(const char *path, const struct fscnn_labels *train_ids, enum fscnn_style style,
                       const struct fscnn_picture *photo, struct fscnn_error *err);

/* Resizes a photograph: bilinear with half-pixel centres, averaging over the source area when shrinking. Errors: USAGE
 * (a side below 1 or beyond what pictures may have), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_picture_resize(const struct fscnn_picture *in, int width, int height,
                                                                 struct fscnn_picture *out, struct fscnn_error *err);
/* Resizes labels by nearest neighbour (half-pixel centres). Errors as fscnn_picture_resize. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_labels_resize(const struct fscnn_labels *in, int width, int height,
                                                                struct fscnn_labels *out, struct fscnn_error *err);

/* The network's input arithmetic, bit-exact with torchvision: out [3, height, width] f32 planar RGB,
 * ((u8 / 255) - mean) / std, every step rounded to float32. */
FSCNN_API void fscnn_normalize(const struct fscnn_picture *in, float *out);

/* One row of the Cityscapes label table. train_id is 255 for "ignored". */
struct fscnn_class {
    const char *name;
    int label_id, train_id;
    uint8_t rgb[3];
};
/* The class with this train id (0..18); for ids of other label sets (19..254) a made-up name and a distinct colour. */
FSCNN_API struct fscnn_class fscnn_class_of_train_id(int train_id);
/* Label id (0..33) -> train id (0..18), 255 for ignored ids and everything else. */
FSCNN_API uint8_t fscnn_train_id_of_label_id(int label_id);

/* -------------------------------------------------------------- 3. models and sessions ---- */

/* An offline model: immutable, may be shared by any number of sessions and threads. */
struct fscnn_model;
/* Threads and scratch memory to run one model; belongs to one thread at a time. */
struct fscnn_session;

enum fscnn_precision { FSCNN_FP32 = 0, FSCNN_BF16 = 1, FSCNN_INT8 = 2 };
enum fscnn_pool { FSCNN_POOL_FIXED = 0, FSCNN_POOL_ADAPTIVE = 1 };

#define FSCNN_MAX_BATCH_SIZES 16
#define FSCNN_MAX_BATCH 256

/* What a model is. Names are valid as long as the model. */
struct fscnn_model_info {
    const char *name;                     /* of the file it was compiled from, without folder */
    const char *input_name, *output_name; /* "image", "output1" */
    int channels, height, width;          /* of one input image */
    int classes;                          /* of the output; a model that ends in arg max: 1 */
    int output_height, output_width;
    bool output_is_labels; /* the network itself ends in arg max */
    enum fscnn_precision precision;
    int num_batch_sizes; /* batch sizes that the model was made for, ascending */
    int batch_sizes[FSCNN_MAX_BATCH_SIZES];
    uint64_t parameters;       /* weights and biases, after folding */
    uint64_t macs;             /* multiply-accumulates for one image, as run */
    uint64_t weight_bytes;     /* packed weights */
    uint64_t activation_bytes; /* arena of one session */
    uint64_t scratch_bytes;    /* row buffers of each thread */
};

/* Maps an offline model (.fscnn) read-only and checks it. Errors: IO, FORMAT, UNSUPPORTED. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_model_load(const char *path, struct fscnn_model **out,
                                                             struct fscnn_error *err);
/* Writes an offline model, which appears under its name only when it is complete. Errors: IO, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_model_save(const struct fscnn_model *model, const char *path,
                                                             struct fscnn_error *err);
FSCNN_API void fscnn_model_free(struct fscnn_model **model);
FSCNN_API void fscnn_model_get_info(const struct fscnn_model *model, struct fscnn_model_info *out);
/* Sends the steps, with what each fuses, shapes, MACs and buffers, line by line. */
FSCNN_API void fscnn_model_describe(const struct fscnn_model *model, struct fscnn_log log);
/* Sends the memory plan: a line for each tensor between steps (size, offset in the session's arena, the steps that
 * write and last read it), then the sums. */
FSCNN_API void fscnn_model_describe_memory(const struct fscnn_model *model, struct fscnn_log log);

/* A step: operators fused into one pass over rows. */
struct fscnn_step_info {
    const char *name;                /* of its last operator; valid as long as the model */
    uint64_t macs;                   /* for one image */
    uint64_t bytes;                  /* of the tensors and weights that it reads and writes, each counted once */
    bool reads_image, writes_result; /* and the caller's buffers, which `bytes` leaves out */
    enum fscnn_precision precision;  /* that most of its multiply-accumulates take */
    bool waits; /* for all threads to finish the steps before; false: runs together with the one before */
};
FSCNN_API int fscnn_model_num_steps(const struct fscnn_model *model);
/* `step` is 0..fscnn_model_num_steps - 1; asking beyond gives zeros and "". */
FSCNN_API void fscnn_model_get_step(const struct fscnn_model *model, int step, struct fscnn_step_info *out);

enum fscnn_input_type {
    FSCNN_INPUT_F32, /* f32 [n, channels, height, width], normalised as fscnn_normalize does */
    FSCNN_INPUT_U8,  /* u8 RGB [n, height, width, 3], as fscnn_picture holds it */
};
enum fscnn_output_type {
    FSCNN_OUTPUT_F32,    /* logits f32 [n, classes, output_height, output_width] */
    FSCNN_OUTPUT_F16,    /* the same in half precision */
    FSCNN_OUTPUT_LABELS, /* u8 [n, output_height, output_width]: arg max, ties to the lower class */
};

struct fscnn_session_options {
    int threads;         /* 0: one per core */
    bool pin;            /* bind thread i to one of the allowed processors: number first_processor + i among them */
    int first_processor; /* counting goes on from 0 after the last one */
};

/* `options` may be NULL. The session keeps a reference to the model's memory: free it before the model. Errors: USAGE
 * (a number of threads or processor, an unknown word in FASTSCNN_CPU), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_session_create(const struct fscnn_model *model,
                                                                 const struct fscnn_session_options *options,
                                                                 struct fscnn_session **out, struct fscnn_error *err);
FSCNN_API void fscnn_session_free(struct fscnn_session **session);

/* Bytes of `count` images of a type; 0 for a type that there is not. */
FSCNN_API size_t fscnn_model_input_bytes(const struct fscnn_model *model, enum fscnn_input_type type, int count);
FSCNN_API size_t fscnn_model_output_bytes(const struct fscnn_model *model, enum fscnn_output_type type, int count);

/* Runs `count` images, 1 or more; buffers are the caller's, of the sizes above. Nothing is allocated. Any count will
 * do, as images are run one by one: the batch sizes that a model tells of are what files and tools around it are made
 * for, and `infer` and `bench` hold to them. Error USAGE where the model cannot give the type (logits of a model that
 * ends in arg max, labels of more than 256 classes, u8 input of a model without 3 channels). */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_session_run(struct fscnn_session *session,
                                                              enum fscnn_input_type input_type, const void *input,
                                                              enum fscnn_output_type output_type, void *output,
                                                              int count, struct fscnn_error *err);

/* Begins (on) or ends measuring the time of every step; beginning forgets what was measured. Error MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_session_profile(struct fscnn_session *session, bool on,
                                                                  struct fscnn_error *err);
/* Mean milliseconds an image of the first `count` steps into ms, as the session's first thread sees them: its part of
 * the step and, where the next step waits, waiting for the other threads. Returns how many images they are the mean of:
 * 0 when nothing was measured, ms is left alone then. */
FSCNN_API uint64_t fscnn_session_get_step_ms(const struct fscnn_session *session, double *ms, int count);

/* Element types of arrays in NumPy's .npy files. */
enum fscnn_dtype {
    FSCNN_DTYPE_F32,
    FSCNN_DTYPE_F16,
    FSCNN_DTYPE_U8,
    FSCNN_DTYPE_OTHER, /* other numbers, which .npy files may hold */
};
#define FSCNN_MAX_RANK 8

/* An array of a .npy file, C order. */
struct fscnn_array {
    enum fscnn_dtype dtype;
    int rank;
    int64_t shape[FSCNN_MAX_RANK];
    const void *data; /* in the mapped file, at any alignment */
    size_t bytes;
    struct fscnn_array_file *file; /* owns the mapping */
};

/* Maps a .npy file and checks it. Errors: IO, FORMAT, UNSUPPORTED (big-endian, Fortran order). */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_npy_read(const char *path, struct fscnn_array *out,
                                                           struct fscnn_error *err);
FSCNN_API void fscnn_array_free(struct fscnn_array *array);
/* Writes a .npy file, which appears under its name only when it is complete. Errors: IO, USAGE (OTHER, a rank beyond
 * FSCNN_MAX_RANK). */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_npy_write(const char *path, enum fscnn_dtype dtype,
                                                            const int64_t *shape, int rank, const void *data,
                                                            struct fscnn_error *err);

/* The processor, line by line: name, cores, instruction sets found and used, caches, memory. */
FSCNN_API void fscnn_cpu_describe(struct fscnn_log log);
/* The instruction set whose kernels run: "amx", "avx512", "avx2", "neon", "c". FASTSCNN_CPU lowers it. */
FSCNN_API const char *fscnn_cpu_isa(void);
/* Cores this process may use, at most 256: as many threads as a session has at most. */
FSCNN_API int fscnn_cpu_cores(void);

/* Bytes that this process can still take without swapping, and without the kernel stopping it: the system's estimate
 * (where it gives none, what the machine has), or what its control groups leave where that is less. 0: not known. */
FSCNN_API uint64_t fscnn_memory_available(void);

/* What `threads` threads of this processor can do at most, all at once, with the instructions that fscnn_cpu_isa
 * allows: the limits of the roofline model. */
struct fscnn_peak {
    int threads;
    double compute[3];   /* by enum fscnn_precision: operations a second between registers, a multiply-add being two */
    double read_memory;  /* bytes a second from memory, beyond the caches */
    double write_memory; /* to memory, around the caches where the processor can */
    double read_cache;   /* from the threads' second-level caches, or what lies beyond the first */
};
/* Measures it; takes about half a second and up to 512 MB of memory for that time. threads 0: one per core. Errors:
 * USAGE, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_cpu_peak(int threads, struct fscnn_peak *out,
                                                           struct fscnn_error *err);

/* ------------------------------------------------------------------------ 4. compiling ---- */

/* How int8 chooses the range of an activation from the values that calibration saw; what lies outside is cut off. */
enum fscnn_calibration_method {
    FSCNN_CALIBRATION_PERCENTILE, /* 99.99 % of the values */
    FSCNN_CALIBRATION_MSE,        /* rounding and cutting off together make the least mean squared error */
    FSCNN_CALIBRATION_MINMAX,     /* from the least to the greatest value */
    FSCNN_CALIBRATION_ENTROPY,    /* least Kullback-Leibler divergence, as TensorRT does it */
};

/* A layer that int8 can compute, and what quantising it alone costs. Texts are valid during the call. */
struct fscnn_layer_sensitivity {
    const char *name, *op;
    uint64_t macs;
    double snr_db;                  /* logits: power of fp32's over that of the difference, 10 * log10, at most 200 */
    double changed_percent;         /* labels that differ from fp32's */
    enum fscnn_precision precision; /* in which the compiled model computes it */
};
struct fscnn_sensitivity {
    void (*layer)(void *user, const struct fscnn_layer_sensitivity *layer); /* NULL: not asked for */
    void *user;
};

struct fscnn_compile_options {
    int height, width;   /* 0: as in the model; for a checkpoint 1024 x 2048 */
    int num_batch_sizes; /* 0: as in the model, else 1 */
    int batch_sizes[FSCNN_MAX_BATCH_SIZES];
    enum fscnn_precision precision;
    const char *calibration; /* INT8 only: a picture, or a folder of pictures like those to come */
    int calibration_limit;   /* look at so many of them, spread over the folder; 0: 32, at most 128 */
    enum fscnn_pool pool;    /* for checkpoints; an ONNX file says itself */
    const char *output_name; /* which ONNX output; NULL: the first */
    struct fscnn_log log;    /* what was read and fused; line may be NULL */
    enum fscnn_calibration_method calibration_method; /* INT8 only, like what follows */
    /* Percent, 0: any. At most so many of the labels of up to 16 of the pictures may differ from fp32's: layers are
     * kept in bf16, first those whose quantising costs most for the work it saves, until that holds. Error UNSUPPORTED
     * where it does not even hold in bf16. */
    double accuracy_budget;
    struct fscnn_sensitivity sensitivity; /* gets every layer, the costliest first; takes a while */
    /* FP32, where the processor has AMX: multiply all 24 bits of every number. Otherwise convolutions take 16 where the
     * logits of a normalised test picture change by at most 2e-4; to find out costs the time of a few images, seconds
     * where they nearly do. */
    bool exact;
};

/* Reads an ONNX file or a checkpoint (told apart by content) and compiles it. `options` may be NULL. Errors: IO,
 * FORMAT, UNSUPPORTED (an operator, a size that the file does not have), USAGE (options that make no sense, or not for
 * this file), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_compile(const char *path, const struct fscnn_compile_options *options,
                                                          struct fscnn_model **out, struct fscnn_error *err);

struct fscnn_export_options {
    int batch_size;    /* 0: 1 */
    int height, width; /* 0: 1024 x 2048 */
    enum fscnn_pool pool;
    int opset;          /* 11..18; 0: 11 */
    bool dynamic_batch; /* the batch dimension is called "batch" */
};

/* Checkpoint -> ONNX with input `image` and output `output1`, logits. `options` may be NULL. The file appears under its
 * name only when it is complete. Errors: IO, FORMAT, UNSUPPORTED, USAGE (options, a size too small for the pooling),
 * MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_export_onnx(const char *pth_path, const char *onnx_path,
                                                              const struct fscnn_export_options *options,
                                                              struct fscnn_error *err);

/* Describes a checkpoint (.pth) or ONNX file without compiling it: tensors or nodes, parameters, classes. Errors: IO,
 * FORMAT, UNSUPPORTED, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_file_describe(const char *path, struct fscnn_log log,
                                                                struct fscnn_error *err);

/* ----------------------------------------------------------------------- 5. evaluation ---- */

/* Accumulates a confusion matrix and the deployment guide's running means over images, in order. */
struct fscnn_evaluation;

#define FSCNN_MAX_CLASSES 255

struct fscnn_scores {
    int classes;
    uint64_t images;
    double ordered_miou,
        ordered_pixel_accuracy;  /* the guide's AvgmIou / AvgpixAcc: mean of the running figures, 0..1 */
    double miou, pixel_accuracy; /* after the last image; miou over all classes, U=0 counts as 0 */
    double mean_accuracy;        /* over the classes that occur in the ground truth, as miou_present is */
    double miou_present;
};

/* Errors: USAGE (fewer classes than 1, more than FSCNN_MAX_CLASSES), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluation_create(int classes, struct fscnn_evaluation **out,
                                                                    struct fscnn_error *err);
FSCNN_API void fscnn_evaluation_free(struct fscnn_evaluation **evaluation);
/* Adds one image: predicted and true train ids [count]; a truth >= classes (255, say) counts nowhere.
 * Errors: USAGE for a prediction >= classes, MEMORY; the image is not added then. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluation_add(struct fscnn_evaluation *evaluation,
                                                                 const uint8_t *predicted, const uint8_t *truth,
                                                                 size_t count, struct fscnn_error *err);
FSCNN_API void fscnn_evaluation_get_scores(const struct fscnn_evaluation *evaluation, struct fscnn_scores *out);
/* The confusion matrix [classes, classes], rows = ground truth; valid until the next add or free. */
FSCNN_API const uint64_t *fscnn_evaluation_confusion(const struct fscnn_evaluation *evaluation);

/* Names the image that was added last, for reports; `picture` is a file to link to (an overlay, say) or NULL. Errors:
 * USAGE (none was added), MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluation_name_last(struct fscnn_evaluation *evaluation,
                                                                       const char *name, const char *picture,
                                                                       struct fscnn_error *err);

struct fscnn_class_scores {
    const char *name;                   /* Cityscapes' where there are 19 classes, "class 3" elsewhere */
    double iou, accuracy;               /* 0..1; 0 where the union, or the truth, is empty */
    uint64_t truth, predicted, correct; /* labelled pixels */
};
struct fscnn_image_scores {
    const char *name;                            /* "" if it was not named; valid until the next add or free */
    const char *picture;                         /* NULL if there is none */
    uint64_t labelled, correct;                  /* pixels */
    double miou, pixel_accuracy;                 /* of this image alone, over the classes of its ground truth */
    double running_miou, running_pixel_accuracy; /* of all images up to and with this one */
};
/* `train_id` is 0..classes-1, `index` 0..images-1 in the order of adding; asking beyond gives zeros and "". */
FSCNN_API void fscnn_evaluation_get_class(const struct fscnn_evaluation *evaluation, int train_id,
                                          struct fscnn_class_scores *out);
FSCNN_API void fscnn_evaluation_get_image(const struct fscnn_evaluation *evaluation, uint64_t index,
                                          struct fscnn_image_scores *out);

/* Result files against label files, as the deployment guide's postprocessing reads them. For each line
 * STEM_leftImg8bit.png of sort_log, in that order:
 *   result_root/STEM_leftImg8bit_0.{bin,npy,txt}  logits [classes, height, width] f32 or f16, or labels [height, width]
 *   label_root/STEM_gtFine_labelIds.{bin,npy}     train ids [height, width], f32 in .bin; -1 and 255 are ignored
 * What a .bin holds is told by its size; one of N float32 classes is as long as one of 2 N float16 classes, and without
 * `classes` refused (FORMAT) unless N is 19. Arg max: ties to the lower class, NaN never wins, all NaN is class 0. */
struct fscnn_evaluate_options {
    const char *result_root, *label_root, *sort_log;
    int classes; /* 0: as the first result's size says, 19 where it holds labels */
    int threads; /* 0: one per core */
    struct fscnn_progress progress;
    struct fscnn_log log; /* a doubt about 19 classes that were assumed */
};
/* Errors: IO (a file is missing), FORMAT (its size or contents do not fit, it is there with two endings, the log is
 * empty), USAGE. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluate_files(const struct fscnn_evaluate_options *options,
                                                                 struct fscnn_evaluation **out,
                                                                 struct fscnn_error *err);

/* A picture that should have been evaluated, and why it could not be. */
struct fscnn_left_out {
    const char *name, *why;
};
/* What reports say about where the figures come from; every string may be NULL. */
struct fscnn_report_options {
    const char *title;                     /* "Fast-SCNN on Cityscapes val" */
    const char *model;                     /* a file's name */
    const char *data;                      /* a folder */
    const char *order;                     /* what the ordered figures' order is: "sort.log" */
    const struct fscnn_left_out *left_out; /* pictures that the figures lack: the report says that it is incomplete */
    size_t num_left_out;
};
/* One JSON object: both kinds of figures in percent, classes, confusion matrix, images. Errors: IO, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluation_write_json(const struct fscnn_evaluation *evaluation,
                                                                        const struct fscnn_report_options *options,
                                                                        FILE *out, struct fscnn_error *err);
/* One HTML file that needs no other, except for the pictures that images are linked to. Errors: IO, MEMORY. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_evaluation_write_html(const struct fscnn_evaluation *evaluation,
                                                                        const struct fscnn_report_options *options,
                                                                        const char *path, struct fscnn_error *err);

/* ------------------------------------------------------------------------ 6. data sets ---- */

/* What the values of label files mean. */
enum fscnn_label_type {
    FSCNN_LABEL_TYPE_LABEL_IDS, /* Cityscapes' 0..33, from STEM_gtFine_labelIds.png */
    FSCNN_LABEL_TYPE_TRAIN_IDS, /* the network's classes, 255: ignored; from STEM_gtFine_labelTrainIds.png, or where
                                   that is missing from STEM_gtFine_labelIds.png */
};

/* The pictures of one split in the Cityscapes layout, sorted by city and name. */
struct fscnn_dataset_item {
    char *stem;       /* "frankfurt_000000_000294" */
    char *image_path; /* .../leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png */
    char *label_path; /* .../gtFine/val/frankfurt/..._gtFine_labelIds.png, or as the label type says */
};
struct fscnn_dataset {
    struct fscnn_dataset_item *items;
    size_t count;
    size_t skipped; /* pictures without a label file; each was sent to the log */
};
/* The labelled pictures below `root`; `split` NULL: "val", log.line NULL: nobody is told of the others. Free with
 * fscnn_dataset_free. Errors: IO (no such folder), FORMAT (no labelled picture, two of one name), USAGE (no root,
 * unknown label type), MEMORY; *out is empty then. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_dataset_open(const char *root, const char *split,
                                                               enum fscnn_label_type label_type, struct fscnn_log log,
                                                               struct fscnn_dataset *out, struct fscnn_error *err);
FSCNN_API void fscnn_dataset_free(struct fscnn_dataset *dataset);
/* The items that a sort.log lists (STEM_leftImg8bit.png a line), in its order: *order gets *count indices into
 * dataset->items, to be given to free(). Errors: IO; FORMAT for a damaged log and for a name that is not in the data
 * set. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_dataset_order(const struct fscnn_dataset *dataset,
                                                                const char *sort_log, size_t **order, size_t *count,
                                                                struct fscnn_error *err);

struct fscnn_preprocess_options {
    const char *input_path;  /* root of a data set in the Cityscapes layout */
    const char *output_path; /* gets leftImg8bit/STEM_leftImg8bit.bin and gtFine/STEM_gtFine_labelIds.bin */
    const char *split;       /* NULL: "val" */
    enum fscnn_label_type label_type;
    int threads;                    /* 0: one per core; as many pictures are in memory at a time */
    const char *sort_log_path;      /* gets a line "STEM_leftImg8bit.png" a picture, in order; NULL: none */
    bool force;                     /* write also what is there already */
    struct fscnn_progress progress; /* in pictures; report may be NULL */
    struct fscnn_log log;           /* pictures without labels; line may be NULL */
};
struct fscnn_preprocess_result {
    size_t written;    /* pictures whose files were made */
    size_t up_to_date; /* pictures left alone: both files there, of the right size and with their sources' times */
    size_t unlabelled; /* pictures without a label file, skipped */
};
/* Writes, for each labelled picture of a split, the files that evaluation tools read, in the picture's own size:
 * the input f32 [3, height, width] of fscnn_normalize and the train ids f32 [height, width] with -1 for ignored.
 * Names that sort.log would not give back, as one with a newline, are refused first of all (FORMAT). Stops at the first
 * error (a damaged picture, labels of another size, a full disk); files already made are kept and a second run goes on
 * from there: each gets its source's time, by which it is known again. Every file appears only when complete. */
FSCNN_API FSCNN_NODISCARD enum fscnn_status fscnn_preprocess(const struct fscnn_preprocess_options *options,
                                                             struct fscnn_preprocess_result *result,
                                                             struct fscnn_error *err);

#ifdef __cplusplus
}
#endif
#endif
