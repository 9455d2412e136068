/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <errno.h>
#include <string.h>

void text_init(struct text *text, char *buffer, size_t size)
{
    *text = (struct text){buffer, size, 0};
    buffer[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t room = text->size - 1 - text->length;
    if (count > room)
        count = room;
    memcpy(text->buffer + text->length, bytes, count);
    text->length += count;
    text->buffer[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_add_bytes(text, digits + at, sizeof(digits) - at);
}

static void add_signed(struct text *text, int number)
{
    if (number < 0)
        text_add(text, "-");
    text_add_number(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_format(struct text *text, const char *format, va_list arguments)
{
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            text_add_bytes(text, at, 1);
        } else if (*++at == 's') {
            text_add(text, va_arg(arguments, const char *));
        } else if (*at == 'd') {
            add_signed(text, va_arg(arguments, int));
        } else if (*at == 'u') {
            text_add_number(text, va_arg(arguments, unsigned));
        } else if (*at == 'l' || *at == 'z') {
            at++;
            text_add_number(text, va_arg(arguments, unsigned long));
        } else if (*at == '.') {
            at += 2;
            int count = va_arg(arguments, int);
            text_add_bytes(text, va_arg(arguments, const char *), (size_t)count);
        } else {
            text_add_bytes(text, at, 1);
        }
    }
}

uint64_t text_number(const char *string)
{
    uint64_t number = 0;
    for (; *string >= '0' && *string <= '9'; string++)
        number = number * 10 + (uint64_t)(*string - '0');
    return number;
}

const char *text_errno(int error)
{
    static const struct {
        int error;
        const char *meaning;
    } known[] = {
        {ENOENT, "no such directory"},
        {EACCES, "permission denied"},
        {EPERM, "operation not permitted"},
        {ENOSPC, "no space left on the device"},
        {EDQUOT, "disk quota exceeded"},
        {EFBIG, "over the file size limit (ulimit -f)"},
        {EROFS, "read-only file system"},
        {ENOTDIR, "a part of the path is not a directory"},
        {ENAMETOOLONG, "the name is too long"},
        {EEXIST, "10,000 traces of that name exist"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files in the system"},
        {ENOMEM, "cannot map it into memory"},
        {EISDIR, "that is a directory; a file name is wanted"},
        {ELOOP, "too many symbolic links"},
        {EIO, "input/output error"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].error == error)
            return known[i].meaning;
    }
    return "unexpected error";
}
