/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/perf_map.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE (256u << 20) /* bytes; a large node.js run writes some 10 MB */
#define MAX_NAME 4096         /* bytes kept of one name */

/* The whole file, NUL-terminated; NULL when there is none (errno 0) or no memory (ENOMEM).
 * Everybody can write to /tmp, hence the checks. */
static char *read_file(const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat status;
    char *text = NULL;
    size_t used = 0;

    errno = fd < 0 ? 0 : errno;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
        status.st_size > (off_t)MAX_FILE) {
        close(fd);
        errno = 0;
        return NULL;
    }
    text = malloc((size_t)status.st_size + 1);
    while (text && used < (size_t)status.st_size) {
        ssize_t got = read(fd, text + used, (size_t)status.st_size - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    if (!text) {
        errno = ENOMEM;
        return NULL;
    }
    text[used] = '\0';
    *length = used;
    return text;
}

/* A hexadecimal number and the blanks after it; *cursor moves behind them. */
static int read_hex(char **cursor, uint64_t *value)
{
    char *end = NULL;

    if (!isxdigit((unsigned char)**cursor))
        return -1;
    errno = 0;
    *value = strtoull(*cursor, &end, 16);
    if (errno != 0 || (*end != ' ' && *end != '\t'))
        return -1;
    *cursor = end + strspn(end, " \t");
    return 0;
}

/* Lines that do not fit the format are passed over: the writer may be in the middle of one. */
static int add_line(struct perf_map *map, char *line, uint32_t rank)
{
    uint64_t start, size;

    if (read_hex(&line, &start) != 0 || read_hex(&line, &size) != 0 || *line == '\0')
        return 0;
    if (size > UINT64_MAX - start)
        return 0;
    if (strnlen(line, MAX_NAME) == MAX_NAME)
        line[MAX_NAME - 1] = '\0';
    return interval_table_add(&map->functions, start, start + size, line, rank, false);
}

int perf_map_init(struct perf_map *map, const char *path)
{
    size_t length = 0;
    uint32_t rank = 0;

    memset(map, 0, sizeof(*map));
    map->text = read_file(path, &length);
    if (!map->text)
        return errno == ENOMEM ? -1 : 0;
    for (char *line = map->text, *end = map->text + length; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            stop = end;
        *stop = '\0';
        if (add_line(map, line, rank++) != 0) {
            perf_map_release(map);
            return -1;
        }
        line = stop + 1;
    }
    interval_table_sort(&map->functions);
    return 0;
}

void perf_map_release(struct perf_map *map)
{
    interval_table_release(&map->functions);
    free(map->text);
    memset(map, 0, sizeof(*map));
}

const char *perf_map_find(const struct perf_map *map, uint64_t address, uint64_t *offset)
{
    const struct interval *found = interval_table_highest(&map->functions, address);

    if (!found)
        return NULL;
    *offset = address - found->start;
    return found->value;
}
