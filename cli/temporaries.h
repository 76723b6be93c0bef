/* Temporary files and folders that a signal which ends the program must not leave behind. */
#ifndef FSCNN_CLI_TEMPORARIES_H
#define FSCNN_CLI_TEMPORARIES_H

/* From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT remove what is noted, the library's files among it, and then do what
 * they do without this. Those that are ignored, as below nohup, stay so. SIGBUS, where a mapped file causes it that is
 * cut short while it is read, does the same, says so and ends the program with exit code 1. SIGPIPE and SIGXFSZ are
 * ignored.
 */
void temporaries_watch(void);

/* Notes the name of a file or folder that is about to be made; files are removed first, so that their folder can
 * follow. Relative names need the current folder to stay. From any thread; names for which there is no room are not
 * noted. Does not return once a signal has come: nothing may be made then. */
void temporary_add(const char *name);
/* To be called once it is renamed or removed, or could not be made. */
void temporary_drop(const char *name);

#endif
