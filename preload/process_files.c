/* SPDX-License-Identifier: Apache-2.0 */
#include "process_files.h"

#include "sys.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>

/* The thread's directory (Linux 3.17) shows what the process's does, which is empty when the first
 * thread has ended, and takes 30 microseconds more at its first use. */
int process_file_open(const char *name)
{
    static const char *const folders[] = {"/proc/self/", "/proc/thread-self/", "/proc/self/"};
    int fd = -ENOENT;
    for (size_t i = sys_tid() != sys_pid(); i < 3 && fd == -ENOENT; i++) {
        char path[64];
        struct text text;
        text_init(&text, path, sizeof(path));
        text_add(&text, folders[i]);
        text_add(&text, name);
        fd = sys_open(path, O_RDONLY, 0);
    }
    return fd;
}

bool process_files_know_pids(void)
{
    char number[16];
    return sys_read_link("/proc/self", number, sizeof(number)) > 0 &&
           text_number(number) == sys_pid();
}

struct line_filter {
    char *text;
    size_t used, line; /* line: where the present one begins */
    size_t column;     /* of the next byte */
};

static void take_byte(struct line_filter *filter, char byte)
{
    static const char start[] = "Vm";
    size_t column = filter->column++;
    if (column < sizeof(start) - 1 && byte != start[column]) {
        filter->used = filter->line;
        filter->column = PROCESS_MEMORY_MOST; /* no more of this line */
    } else if (column < PROCESS_MEMORY_MOST && filter->used < PROCESS_MEMORY_MOST - 1) {
        filter->text[filter->used++] = byte;
    }
    if (byte == '\n') {
        filter->line = filter->used;
        filter->column = 0;
    }
}

int process_memory_lines(char text[PROCESS_MEMORY_MOST])
{
    struct line_filter filter = {.text = text};
    char piece[256];
    long got;
    text[0] = '\0';
    int fd = process_file_open("status");
    if (fd < 0)
        return fd;
    while ((got = sys_read(fd, piece, sizeof(piece))) > 0) {
        for (long i = 0; i < got; i++)
            take_byte(&filter, piece[i]);
    }
    sys_close(fd);
    text[filter.used] = '\0';
    return (int)got;
}
