/* SPDX-License-Identifier: Apache-2.0 */
/* What libc allocates for a program, and what it still holds in the end. */
#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "leak_case.h"

static void *volatile kept;

LEAK_CASE(stdio_open_file)
{
    kept = fopen("/proc/self/stat", "r");
    getc(kept);
}

LEAK_CASE(stdio_lost_file)
{
    leak_use(fopen("/proc/self/stat", "r"));
}

LEAK_CASE(stdio_closed_file)
{
    FILE *file = fopen("/proc/self/stat", "r");
    getc(file);
    fclose(file);
}

LEAK_CASE(stdio_stdout)
{
    printf("%s\n", "text");
    fflush(stdout);
}

LEAK_CASE(stdio_wide)
{
    FILE *file = fopen("/dev/null", "w");
    fwprintf(file, L"%ls\n", L"text");
    kept = file;
}

LEAK_CASE(stdio_memstream)
{
    static char *text;
    static size_t size;
    FILE *stream = open_memstream(&text, &size);
    fprintf(stream, "%1000d", 1);
    kept = stream;
    fflush(stream);
}

LEAK_CASE(stdio_asprintf)
{
    char *text = NULL;
    if (asprintf(&text, "%d", getpid() > 0) < 0)
        return;
    text = NULL;
    leak_use(&text);
}

LEAK_CASE(stdio_getline)
{
    static char *line;
    size_t size = 0;
    FILE *file = fopen("/proc/sys/kernel/ostype", "r");
    if (getline(&line, &size, file) < 0)
        return;
    fclose(file);
}

static NOINLINE void read_word(FILE *file)
{
    char *word = NULL;
    if (fscanf(file, "%ms", &word) != 1)
        exit(3);
    leak_use(word);
}

LEAK_CASE(stdio_scanned)
{
    FILE *file = fopen("/proc/sys/kernel/ostype", "r");
    read_word(file);
    fclose(file);
}

LEAK_CASE(network_names)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found = NULL;
    if (getaddrinfo("127.0.0.1", "80", &hints, &found) == 0)
        freeaddrinfo(found);
}

LEAK_CASE(network_names_lost)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found = NULL;
    if (getaddrinfo("127.0.0.1", NULL, &hints, &found))
        return;
    found = NULL;
    leak_use(&found);
}

LEAK_CASE(user_names)
{
    leak_use(getpwuid(0));
}

LEAK_CASE(locale_of_program)
{
    setlocale(LC_ALL, "C.UTF-8");
}

LEAK_CASE(locale_object)
{
    kept = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
}

LEAK_CASE(character_sets)
{
    iconv_t open = iconv_open("UTF-16", "ISO-8859-15");
    kept = open == (iconv_t)-1 ? NULL : open;
}

LEAK_CASE(character_sets_closed)
{
    iconv_t open = iconv_open("UTF-16", "UTF-8");
    if (open != (iconv_t)-1)
        iconv_close(open);
}

LEAK_CASE(time_zone)
{
    clearenv();
    setenv("TZ", "Europe/Berlin", 1);
    time_t now = 0;
    leak_use(localtime(&now));
}

LEAK_CASE(environment)
{
    clearenv();
    setenv("LEAK_CASE", "one", 1);
    setenv("LEAK_CASE", "another one, longer than the first", 1);
    setenv("LEAK_CASE_TOO", "one", 1);
    unsetenv("LEAK_CASE_TOO");
}

LEAK_CASE(environment_by_putenv)
{
    clearenv();
    putenv(strdup("LEAK_CASE=by putenv"));
}

LEAK_CASE(directory_open)
{
    DIR *folder = opendir("/proc/self");
    leak_use(readdir(folder));
    kept = folder;
}

LEAK_CASE(regular_expression)
{
    static regex_t pattern;
    regcomp(&pattern, "^(a|b)*c[0-9]+$", REG_EXTENDED);
    regexec(&pattern, "abac12", 0, NULL, 0);
}

LEAK_CASE(regular_expression_lost)
{
    regex_t pattern;
    regcomp(&pattern, "^(a|b)*c[0-9]+$", REG_EXTENDED);
    regexec(&pattern, "abac12", 0, NULL, 0);
    memset(&pattern, 0, sizeof pattern);
    leak_use(&pattern);
}

LEAK_CASE(hash_table)
{
    hcreate(100);
    hsearch((ENTRY){.key = (char *)"key"}, ENTER);
}

static int compare(const void *one, const void *other)
{
    return strcmp(one, other);
}

LEAK_CASE(binary_tree)
{
    static void *root;
    tsearch("b", &root, compare);
    tsearch("a", &root, compare);
    tsearch("c", &root, compare);
}

LEAK_CASE(binary_tree_lost)
{
    void *root = NULL;
    tsearch("b", &root, compare);
    tsearch("a", &root, compare);
    tsearch("c", &root, compare);
    root = NULL;
    leak_use(&root);
}

LEAK_CASE(loader_error)
{
    leak_use(dlopen("leak_case_is_not_there.so", RTLD_NOW));
    leak_use(dlerror());
}

LEAK_CASE(loader_error_never_asked)
{
    leak_use(dlopen("leak_case_is_not_there.so", RTLD_NOW));
}

LEAK_CASE(stack_trace)
{
    void *frames[8];
    kept = backtrace_symbols(frames, backtrace(frames, 8));
}

static void nothing(void)
{
}

LEAK_CASE(fork_handlers)
{
    for (int i = 0; i < 100; i++)
        pthread_atfork(nothing, nothing, nothing);
}

LEAK_CASE(sorted)
{
    static char table[5000][64];
    for (int i = 0; i < 5000; i++)
        snprintf(table[i], sizeof table[i], "%d", i * 7919 % 5000);
    qsort(table, 5000, sizeof table[0], compare);
}

LEAK_CASE(child_command)
{
    FILE *pipe = popen("true", "r");
    kept = pipe;
    while (getc(pipe) != EOF)
        continue;
}

LEAK_CASE(message_texts)
{
    leak_use(strerror(123456));
    leak_use(strsignal(1000));
}
