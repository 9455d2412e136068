/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the analyzer: a code that callers branch on and a message for people.
 *
 * A function that can fail for more than one reason returns enum vmt_error and takes a
 * struct error of the caller's, which it fills in by error_set.  Nothing here prints.
 */
#ifndef VMTRACE_BASE_ERROR_H
#define VMTRACE_BASE_ERROR_H

enum vmt_error {
    VMT_OK = 0,
    VMT_ERROR_MEMORY,     /* out of memory */
    VMT_ERROR_OPEN,       /* the file cannot be opened; the message holds the system's reason */
    VMT_ERROR_READ,       /* the file was opened but cannot be read */
    VMT_ERROR_EMPTY,      /* 0 bytes long */
    VMT_ERROR_NOT_TRACE,  /* does not begin with the magic of a trace */
    VMT_ERROR_MANGLED,    /* a trace whose line ends or 8th bits were converted in transfer */
    VMT_ERROR_VERSION,    /* a trace of another version of the format */
    VMT_ERROR_HEADER_CUT, /* ends within the file header */
    VMT_ERROR_HEADER,     /* a field of the file header is impossible */
    VMT_ERROR_COMPACT,    /* cannot be compacted, or is not a whole compact trace */
    VMT_ERROR_FORMAT,     /* a text file with something in it that should not be there */
};

struct error {
    enum vmt_error code;
    char message[512]; /* one line, no line end, without the file's name */
};

/* Stores code and formatted message (cut where too long); returns `code`.  `error` may be
 * NULL. */
__attribute__((format(printf, 3, 4))) enum vmt_error
error_set(struct error *error, enum vmt_error code, const char *format, ...);

/* VMT_ERROR_MEMORY with its usual message. */
enum vmt_error error_no_memory(struct error *error);

#endif
