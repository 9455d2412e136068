/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are about to be executed, whole and broken. */
#include <vmtrace/exec_file.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "unit_main.h"

enum { MANY = 40 };

static char folder[] = "/tmp/vmtrace-exec-file-XXXXXX";
static unsigned reads;

static long call_kernel(long number, long a, long b, long c, long d)
{
    reads += number == SYS_pread64;
    long result = syscall(number, a, b, c, d, 0L);
    return result < 0 ? -errno : result;
}

/* Path of a file of the test's own; one at a time. */
static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {
        "elf", "ld", "ld-linux-x86-64.so.2", "short", "static", "script", "endless"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
    strcpy(strrchr(folder, '-'), "-XXXXXX");
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static enum vmt_unfollowed judge(const char *name)
{
    enum vmt_unfollowed why;
    reads = 0;
    ck_assert(exec_file_judge(call_kernel, AT_FDCWD, path_of(name), &why));
    return why;
}

/* An ELF file with `segments` program headers at `offset`, the last of `type`. */
static struct {
    Elf64_Ehdr header;
    unsigned char rest[1 << 16];
} elf;

static void make_elf(unsigned segments, size_t offset, uint32_t type)
{
    memset(&elf, 0, sizeof(elf));
    memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
    elf.header.e_ident[EI_CLASS] = ELFCLASS64;
    elf.header.e_machine = EXEC_FILE_MACHINE;
    elf.header.e_phentsize = sizeof(Elf64_Phdr);
    elf.header.e_phnum = (Elf64_Half)segments;
    elf.header.e_phoff = offset;
    if (segments) {
        Elf64_Phdr last = {.p_type = type};
        memcpy((unsigned char *)&elf + offset + (segments - 1) * sizeof(last), &last, sizeof(last));
    }
}

static enum vmt_unfollowed judge_elf(const char *name)
{
    write_file(name, &elf, sizeof(elf));
    return judge(name);
}

START_TEST(exec_file_of_a_dynamic_program_is_followed)
{
    make_folder();
    make_elf(3, sizeof(Elf64_Ehdr), PT_INTERP);
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    ck_assert_uint_eq(reads, 1);
    make_elf(MANY, sizeof(Elf64_Ehdr), PT_INTERP); /* beyond what is read at first */
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    make_elf(2, 40000, PT_INTERP); /* patchelf moves them */
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    remove_folder();
}
END_TEST

START_TEST(exec_file_of_others_is_not)
{
    make_folder();
    make_elf(3, sizeof(Elf64_Ehdr), PT_LOAD);
    ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_STATIC);
    ck_assert_int_eq(judge_elf("ld-linux-x86-64.so.2"), VMT_FOLLOWED);
    ck_assert_int_eq(judge_elf("ld"), VMT_UNFOLLOWED_STATIC);
    make_elf(MANY, 40000, PT_LOAD);
    ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_STATIC);
    elf.header.e_ident[EI_CLASS] = ELFCLASS32;
    ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_WORD_SIZE);
    make_elf(1, sizeof(Elf64_Ehdr), PT_INTERP);
    elf.header.e_machine++;
    ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_PROCESSOR);
    remove_folder();
}
END_TEST

START_TEST(exec_file_that_is_broken_is_followed)
{
    make_folder();
    make_elf(3, sizeof(Elf64_Ehdr), PT_LOAD);
    elf.header.e_phoff = UINT64_MAX - 100;
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    elf.header.e_phoff = sizeof(elf) - 60; /* the second one is cut off */
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    elf.header.e_phoff = 64;
    elf.header.e_phnum = UINT16_MAX; /* more than the kernel takes */
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    ck_assert_uint_eq(reads, 1);
    elf.header.e_phnum = 3;
    elf.header.e_phentsize = 32;
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    for (size_t size = 0; size < sizeof(elf.header); size++) {
        write_file("short", &elf, size);
        ck_assert_int_eq(judge("short"), VMT_FOLLOWED);
    }
    remove_folder();
}
END_TEST

/* A program as gcc and clang link it: libraries that it needs, the first one named `needed`, and
 * one symbol that it exports.  Addresses are BASE more than offsets. */
enum { BASE = 0x400000, DYNAMIC = 2048, STRINGS = 4096, SYMBOLS = 6144, HASH = 8192 };

static void make_program(const char *needed, const char *exported)
{
    const Elf64_Phdr segments[] = {
        {.p_type = PT_INTERP},
        {.p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = sizeof(elf)},
        {.p_type = PT_DYNAMIC, .p_offset = DYNAMIC, .p_filesz = 512},
    };
    const Elf64_Dyn dynamic[] = {
        {DT_NEEDED, {1}},
        {DT_NEEDED, {100}},
        {DT_STRTAB, {BASE + STRINGS}},
        {DT_SYMTAB, {BASE + SYMBOLS}},
        {DT_GNU_HASH, {BASE + HASH}},
        {DT_NULL, {0}},
    };
    uint32_t hash = 5381;
    for (const char *at = exported; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    /* One bucket, symbols from 1 on, one word of the filter, which lets all pass. */
    const uint32_t table[] = {1, 1, 1, 6, ~0u, ~0u, 1, hash & ~1u, hash | 1};
    const Elf64_Sym symbols[] = {
        {0}, {.st_name = 1, .st_shndx = 1}, {.st_name = 200, .st_shndx = 1}};
    unsigned char *bytes = (unsigned char *)&elf;
    make_elf(3, sizeof(Elf64_Ehdr), PT_LOAD);
    memcpy(bytes + sizeof(Elf64_Ehdr), segments, sizeof(segments));
    memcpy(bytes + DYNAMIC, dynamic, sizeof(dynamic));
    memcpy(bytes + HASH, table, sizeof(table));
    memcpy(bytes + SYMBOLS, symbols, sizeof(symbols));
    strcpy((char *)bytes + STRINGS + 1, needed);
    strcpy((char *)bytes + STRINGS + 100, "libasan.so.8"); /* not the first one */
    strcpy((char *)bytes + STRINGS + 200, exported);
}

START_TEST(exec_file_with_a_sanitizer_is_told)
{
    static const char *const runtimes[] = {"libasan.so.8",
                                           "libtsan.so.2",
                                           "liblsan.so",
                                           "libhwasan.so.0",
                                           "libclang_rt.asan-x86_64.so",
                                           "libclang_rt.hwasan.so"};
    static const char *const others[] = {
        "libubsan.so.1", "libc.so.6", "libasan2.so", "libasa", "libclang_rt.ubsan_standalone.so",
        "asan.so",       ""};
    make_folder();
    for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++) {
        make_program(runtimes[i], "main");
        ck_assert_msg(judge_elf("elf") == VMT_UNFOLLOWED_SANITIZER, "%s", runtimes[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        make_program(others[i], "main");
        ck_assert_msg(judge_elf("elf") == VMT_FOLLOWED, "%s", others[i]);
    }
    make_program("libc.so.6", "__interceptor_malloc");
    ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_SANITIZER);
    make_program("libc.so.6", "__interceptor_mallod");
    ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    remove_folder();
}
END_TEST

/* Whatever one word of the tables is: no fault, and no endless look-up. */
START_TEST(exec_file_of_another_libc_is_told)
{
    static const char *const interpreters[] = {"/lib/ld-musl-x86_64.so.1", "/opt/x/ld-musl-any"};
    make_folder();
    for (size_t i = 0; i < 2; i++) {
        make_program("libc.so", "main");
        Elf64_Phdr *segment = (Elf64_Phdr *)((unsigned char *)&elf + sizeof(Elf64_Ehdr));
        segment->p_offset = 1024;
        segment->p_filesz = strlen(interpreters[i]) + 1;
        memcpy((unsigned char *)&elf + 1024, interpreters[i], segment->p_filesz);
        ck_assert_int_eq(judge_elf("elf"), VMT_UNFOLLOWED_LIBC);
        segment->p_filesz = 8; /* only the beginning is its name */
        ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
        segment->p_filesz = UINT64_MAX;
        ck_assert_int_eq(judge_elf("elf"), VMT_FOLLOWED);
    }
    remove_folder();
}
END_TEST

START_TEST(exec_file_with_broken_tables_is_followed)
{
    static const size_t tables[] = {DYNAMIC, HASH, SYMBOLS, sizeof(Elf64_Ehdr)};
    static const uint32_t values[] = {0, 1, 32, 0x7fffffff, ~0u};
    make_folder();
    for (size_t i = 0; i < 4 * 24; i++) {
        for (size_t j = 0; j < sizeof(values) / sizeof(*values); j++) {
            make_program("libc.so.6", "main");
            memcpy((unsigned char *)&elf + tables[i / 24] + i % 24 * sizeof(uint32_t), &values[j],
                   sizeof(values[j]));
            judge_elf("elf");
            ck_assert_uint_lt(reads, EXEC_FILE_TABLE / EXEC_FILE_WINDOW + EXEC_FILE_CHAIN);
        }
    }
    remove_folder();
}
END_TEST

static enum vmt_unfollowed judge_script(const char *format, const char *target)
{
    char line[1024];
    int size = snprintf(line, sizeof(line), format, target);
    write_file("script", line, (size_t)size);
    return judge("script");
}

START_TEST(exec_file_follows_scripts)
{
    char target[256], line[300], long_line[600];
    make_folder();
    make_elf(1, sizeof(Elf64_Ehdr), PT_LOAD);
    write_file("static", &elf, sizeof(elf));
    snprintf(target, sizeof(target), "%s", path_of("static"));
    ck_assert_int_eq(judge_script("#!%s\n", target), VMT_UNFOLLOWED_STATIC);
    ck_assert_int_eq(judge_script("#! \t%s argument\n", target), VMT_UNFOLLOWED_STATIC);
    ck_assert_int_eq(judge_script("#!%s", target), VMT_UNFOLLOWED_STATIC);
    ck_assert_int_eq(judge_script("# !%s\n", target), VMT_FOLLOWED);
    ck_assert_int_eq(judge_script("#!%s.not\n", target), VMT_FOLLOWED);
    ck_assert_int_eq(judge_script("#!\n%s\n", target), VMT_FOLLOWED);
    ck_assert_int_eq(judge_script("#!%s", ""), VMT_FOLLOWED);
    memset(long_line, '/', sizeof(long_line)); /* cut off in the middle */
    memcpy(long_line, "#!", 2);
    long_line[sizeof(long_line) - 1] = '\0';
    ck_assert_int_eq(judge_script("%s", long_line), VMT_FOLLOWED);
    snprintf(line, sizeof(line), "#!%s\n", path_of("endless"));
    write_file("endless", line, strlen(line));
    ck_assert_int_eq(judge("endless"), VMT_FOLLOWED);
    ck_assert_uint_eq(reads, EXEC_FILE_SCRIPTS + 1);
    remove_folder();
}
END_TEST

START_TEST(exec_file_that_is_none_is_told)
{
    enum vmt_unfollowed why;
    make_folder();
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, path_of("nothing"), &why));
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, folder, &why));
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, "/dev/null", &why));
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, "", &why));
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, NULL, &why));
    ck_assert(!exec_file_judge(call_kernel, AT_FDCWD, (const char *)8, &why));
    ck_assert(!exec_file_judge(call_kernel, -1, "x", &why));
    remove_folder();
}
END_TEST

START_TEST(exec_file_by_descriptor)
{
    enum vmt_unfollowed why;
    make_folder();
    make_elf(1, sizeof(Elf64_Ehdr), PT_LOAD);
    write_file("static", &elf, sizeof(elf));
    int fd = open(path_of("static"), O_RDONLY | O_CLOEXEC);
    int above = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    ck_assert(exec_file_judge(call_kernel, fd, NULL, &why));
    ck_assert_int_eq(why, VMT_UNFOLLOWED_STATIC);
    ck_assert(lseek(fd, 0, SEEK_CUR) == 0); /* it is as it was */
    ck_assert(exec_file_judge(call_kernel, above, "static", &why));
    ck_assert_int_eq(why, VMT_UNFOLLOWED_STATIC);
    close(fd);
    close(above);
    remove_folder();
}
END_TEST

UNIT_MAIN("exec_file", exec_file_of_a_dynamic_program_is_followed, exec_file_of_others_is_not,
          exec_file_that_is_broken_is_followed, exec_file_with_a_sanitizer_is_told,
          exec_file_of_another_libc_is_told, exec_file_with_broken_tables_is_followed,
          exec_file_follows_scripts, exec_file_that_is_none_is_told, exec_file_by_descriptor)
