/* sort.log: the names of the preprocessed pictures, in the order in which they were read. */
#ifndef FSCNN_EVAL_SORT_LOG_H
#define FSCNN_EVAL_SORT_LOG_H

#include "base/status.h"

struct sort_log {
    char *text;
    char **stems; /* [count], into text: "frankfurt_000000_000294" of frankfurt_000000_000294_leftImg8bit.png */
    size_t count;
};

/* One STEM_leftImg8bit.png a line; blank lines, blanks around names, Windows line ends and a byte order mark do not
 * matter. Errors: IO; FORMAT, with the line, for another name, one with a folder in it, and for a log without names. */
FSCNN_NODISCARD enum fscnn_status sort_log_read(const char *path, struct sort_log *out, struct fscnn_error *err);
/* The same from memory; `path` is for messages. */
FSCNN_NODISCARD enum fscnn_status sort_log_parse(const void *data, size_t size, const char *path, struct sort_log *out,
                                                 struct fscnn_error *err);
void sort_log_free(struct sort_log *log);

/* Why a log that lists a picture of this name would not give it back; NULL where it would. */
const char *sort_log_flaw(const char *name);

#endif
