/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symbolizer against shared objects that know their own functions and lines; see
 * tests/fixtures/symbol_fixture.h.  With an argument only that fixture is tried; exit status 77
 * when it could not be built here.
 */
#include <check.h>
#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <libgen.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixtures/symbol_fixture.h"
#include "symbol/symbolizer.h"

#define MAX_CALLS 16
#define SKIPPED 77

static char fixture_dir[4096];
static const char *only_fixture;

/* What a fixture said and where it stood when it did. */
static struct {
    struct symbol_call call;
    uint64_t address; /* of the call instruction's last byte */
} calls[MAX_CALLS];
static size_t call_count;

static struct {
    char path[4200];
    uint8_t build_id[64];
    struct symbol_module module;
    void *handle;
} loaded;

static struct symbolizer_options here = {.same_machine = true};

__attribute__((noinline)) static void take_call(const struct symbol_call *call)
{
    ck_assert_uint_lt(call_count, MAX_CALLS);
    calls[call_count].call = *call;
    calls[call_count++].address = (uint64_t)(uintptr_t)__builtin_return_address(0) - 1;
}

static void read_build_id(void)
{
    int fd = open(loaded.path, O_RDONLY);
    Elf *elf;
    const void *bits;
    ssize_t size;

    ck_assert_int_ge(fd, 0);
    elf_version(EV_CURRENT);
    elf = elf_begin(fd, ELF_C_READ, NULL);
    size = dwelf_elf_gnu_build_id(elf, &bits);
    if (size > 0) {
        ck_assert_int_le(size, (ssize_t)sizeof(loaded.build_id));
        memcpy(loaded.build_id, bits, (size_t)size);
        loaded.module.build_id = loaded.build_id;
        loaded.module.build_id_size = (size_t)size;
    }
    elf_end(elf);
    close(fd);
}

/* Loads NAME.so and lets it make its calls. */
static void load(const char *name)
{
    void (*run)(symbol_probe *);
    struct link_map *map = NULL;

    memset(&loaded, 0, sizeof(loaded));
    call_count = 0;
    snprintf(loaded.path, sizeof(loaded.path), "%s/%s.so", fixture_dir, name);
    loaded.handle = dlopen(loaded.path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(loaded.handle != NULL, "%s", dlerror());
    *(void **)&run = dlsym(loaded.handle, "symbol_fixture_run");
    ck_assert_ptr_nonnull(run);
    run(take_call);
    ck_assert_uint_gt(call_count, 0);
    ck_assert_int_eq(dlinfo(loaded.handle, RTLD_DI_LINKMAP, &map), 0);
    loaded.module.path = loaded.path;
    loaded.module.bias = map->l_addr;
    read_build_id();
}

static void unload(void)
{
    dlclose(loaded.handle);
}

static const char *base_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static void check_call(const struct symbol_call *call, const struct symbol_frame *frames,
                       size_t count, uint64_t address)
{
    ck_assert_uint_eq(count, (size_t)call->count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_pstr_eq(frames[i].function, call->functions[i]);
        ck_assert_pstr_eq(base_of(frames[i].file), call->file);
        ck_assert_int_eq(frames[i].line, call->lines[i]);
        ck_assert_int_eq(frames[i].inlined, i + 1 < count);
    }
    if (call->start)
        ck_assert_uint_eq(frames[count - 1].function_offset,
                          address - (uint64_t)(uintptr_t)call->start);
    ck_assert_uint_lt(frames[0].function_offset, 4096);
}

/* Each call of the loaded fixture must come out whole: inlined frames, files, lines. */
static void check_all_calls(const struct symbolizer_options *options)
{
    struct symbolizer *symbolizer = symbolizer_new(options);
    size_t position = 0;

    for (size_t i = 0; i < call_count; i++) {
        size_t count = 0, again = 0;
        const struct symbol_frame *frames =
            symbolizer_resolve(symbolizer, &loaded.module, calls[i].address, &count);
        check_call(&calls[i].call, frames, count, calls[i].address);
        ck_assert_ptr_eq(symbolizer_resolve(symbolizer, &loaded.module, calls[i].address, &again),
                         frames);
        ck_assert_uint_eq(again, count);
    }
    ck_assert_pstr_eq(symbolizer_problem_next(symbolizer, &position), NULL);
    symbolizer_free(symbolizer);
}

/* No debug information: the name of the outermost function where the tables have it. */
static void check_names_only(const struct symbolizer_options *options, bool hidden_known)
{
    struct symbolizer *symbolizer = symbolizer_new(options);

    for (size_t i = 0; i < call_count; i++) {
        const struct symbol_call *call = &calls[i].call;
        const char *outer = call->functions[call->count - 1];
        size_t count = 0;
        const struct symbol_frame *frame =
            symbolizer_resolve(symbolizer, &loaded.module, calls[i].address, &count);
        ck_assert_uint_eq(count, 1);
        ck_assert_ptr_null(frame->file);
        ck_assert_int_eq(frame->line, 0);
        if (hidden_known || strcmp(outer, "fixture_hidden") != 0) {
            ck_assert_pstr_eq(frame->function, outer);
            ck_assert_uint_eq(frame->function_offset,
                              calls[i].address - (uint64_t)(uintptr_t)call->start);
        } else {
            ck_assert_pstr_eq(frame->function, NULL);
        }
    }
    symbolizer_free(symbolizer);
}

/* Nothing is known of any address, and one problem says why. */
static void check_nothing(const struct symbolizer_options *options, const char *reason)
{
    struct symbolizer *symbolizer = symbolizer_new(options);
    size_t position = 0;
    const char *problem;

    for (size_t i = 0; i < call_count; i++) {
        size_t count = 0;
        const struct symbol_frame *frame =
            symbolizer_resolve(symbolizer, &loaded.module, calls[i].address, &count);
        ck_assert_uint_eq(count, 1);
        ck_assert_ptr_null(frame->function);
        ck_assert_ptr_null(frame->file);
    }
    problem = symbolizer_problem_next(symbolizer, &position);
    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strstr(problem, reason) != NULL, "%s", problem);
    ck_assert_ptr_null(strchr(problem, '\n'));
    ck_assert_ptr_null(symbolizer_problem_next(symbolizer, &position));
    symbolizer_free(symbolizer);
}

static const char *const whole_fixtures[] = {
    "c_dwarf5", "c_dwarf4",    "c_split5",   "c_split4",   "c_compressed",
    "c_no_id",  "c_debuglink", "cxx_dwarf5", "cxx_dwarf4", "cxx_split5",
};
#define WHOLE_FIXTURES (int)(sizeof(whole_fixtures) / sizeof(whole_fixtures[0]))

START_TEST(symbolizer_debug_information_gives_inlined_frames_and_lines)
{
    load(whole_fixtures[_i]);
    check_all_calls(&here);
    unload();
}
END_TEST

START_TEST(symbolizer_stripped_file_gives_exported_names)
{
    load("c_stripped");
    check_names_only(&here, false);
    unload();
}
END_TEST

START_TEST(symbolizer_no_debug_information_gives_all_names)
{
    load("c_no_debug");
    check_names_only(&here, true);
    unload();
}
END_TEST

START_TEST(symbolizer_debug_directory_is_searched_by_build_id)
{
    char dir[4200];
    const char *dirs[] = {dir, NULL};
    struct symbolizer_options options = {.same_machine = true, .debug_dirs = dirs};

    snprintf(dir, sizeof(dir), "%s/debug", fixture_dir);
    load("c_stripped");
    check_all_calls(&options);
    unload();
}
END_TEST

START_TEST(symbolizer_missing_binary_is_replaced_by_its_debug_file)
{
    char dir[4200];
    const char *dirs[] = {dir, NULL};
    struct symbolizer_options options = {.same_machine = false, .debug_dirs = dirs};

    snprintf(dir, sizeof(dir), "%s/debug", fixture_dir);
    load("c_stripped");
    loaded.module.path = "/nowhere/gone.so (deleted)";
    check_all_calls(&options);
    unload();
}
END_TEST

START_TEST(symbolizer_debuglink_to_another_build_is_not_used)
{
    load("c_debuglink_wrong");
    check_names_only(&here, false);
    unload();
}
END_TEST

START_TEST(symbolizer_lost_split_file_keeps_lines_and_is_a_problem)
{
    struct symbolizer *symbolizer = symbolizer_new(&here);
    size_t count = 0, position = 0;
    const struct symbol_frame *frame;
    const char *problem;

    load("c_split_lost");
    frame = symbolizer_resolve(symbolizer, &loaded.module, calls[0].address, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_pstr_eq(frame->function, "fixture_outer");
    ck_assert_int_eq(frame->line, calls[0].call.lines[0]);
    problem = symbolizer_problem_next(symbolizer, &position);
    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strstr(problem, "c_split_lost.dwo") != NULL, "%s", problem);
    ck_assert_ptr_null(symbolizer_problem_next(symbolizer, &position));
    symbolizer_free(symbolizer);
    unload();
}
END_TEST

START_TEST(symbolizer_other_build_id_is_refused)
{
    load("c_dwarf5");
    loaded.build_id[3] ^= 0xff;
    check_nothing(&here, "build-id differs");
    unload();
}
END_TEST

START_TEST(symbolizer_missing_file_is_a_problem)
{
    load("c_dwarf5");
    loaded.module.path = "/nowhere/gone.so";
    check_nothing(&here, "No such file");
    unload();
}
END_TEST

START_TEST(symbolizer_file_that_is_no_elf_is_a_problem)
{
    static const char *const paths[] = {"/etc/passwd", "/dev/null", "/", "/dev/zero"};

    load("c_no_id");
    loaded.module.path = paths[_i];
    check_nothing(&here, "not a readable ELF file");
    unload();
}
END_TEST

START_TEST(symbolizer_fifo_does_not_block)
{
    char directory[] = "/tmp/vmtrace-symbolizer-XXXXXX", path[64];

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/fifo", directory);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    load("c_no_id");
    loaded.module.path = path;
    check_nothing(&here, "not a readable ELF file");
    unload();
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(symbolizer_deleted_file_needs_its_build_id)
{
    char path[4300];

    load("c_no_id");
    snprintf(path, sizeof(path), "%s (deleted)", loaded.path);
    loaded.module.path = path;
    check_nothing(&here, "deleted");
    unload();

    load("c_dwarf5");
    snprintf(path, sizeof(path), "%s (deleted)", loaded.path);
    loaded.module.path = path;
    check_all_calls(&here);
    unload();
}
END_TEST

START_TEST(symbolizer_other_machine_needs_a_build_id)
{
    struct symbolizer_options options = {.same_machine = false};

    load("c_no_id");
    check_nothing(&options, "no build-id");
    unload();
    load("c_dwarf5");
    check_all_calls(&options);
    unload();
}
END_TEST

START_TEST(symbolizer_sysroot_is_prefixed)
{
    char root[4200];
    struct symbolizer_options options = {.sysroot = root};

    snprintf(root, sizeof(root), "%s/sysroot", fixture_dir);
    load("c_dwarf5");
    loaded.module.path = "/opt/c_moved.so";
    check_all_calls(&options);
    unload();
}
END_TEST

START_TEST(symbolizer_object_names_the_variable)
{
    struct symbolizer *symbolizer = symbolizer_new(&here);
    uint64_t offset = 0;
    char *variable;

    load("c_stripped");
    variable = dlsym(loaded.handle, "fixture_variable");
    ck_assert_ptr_nonnull(variable);
    ck_assert_pstr_eq(
        symbolizer_object(symbolizer, &loaded.module, (uint64_t)(uintptr_t)variable + 12, &offset),
        "fixture_variable");
    ck_assert_uint_eq(offset, 12);
    ck_assert_pstr_eq(
        symbolizer_object(symbolizer, &loaded.module, (uint64_t)(uintptr_t)variable + 64, &offset),
        NULL);
    ck_assert_pstr_eq(symbolizer_object(symbolizer, NULL, 1, &offset), NULL);
    symbolizer_free(symbolizer);
    unload();
}
END_TEST

/* .bss, the code and, at its beginning, the ELF header of the binary. */
START_TEST(symbolizer_segment_by_program_headers)
{
    struct symbolizer *symbolizer = symbolizer_new(&here);
    load("c_stripped");
    uint64_t variable = (uint64_t)(uintptr_t)dlsym(loaded.handle, "fixture_variable");
    uint64_t function = (uint64_t)(uintptr_t)dlsym(loaded.handle, "fixture_plain");
    uint64_t constants = (uint64_t)(uintptr_t)dlsym(loaded.handle, "_DYNAMIC");
    ck_assert_int_eq(symbolizer_segment(symbolizer, &loaded.module, variable), SYMBOL_SEGMENT_BSS);
    ck_assert_int_eq(symbolizer_segment(symbolizer, &loaded.module, function), SYMBOL_SEGMENT_CODE);
    if (constants)
        ck_assert_int_eq(symbolizer_segment(symbolizer, &loaded.module, constants),
                         SYMBOL_SEGMENT_DATA);
    ck_assert_int_eq(symbolizer_segment(symbolizer, &loaded.module, loaded.module.bias),
                     SYMBOL_SEGMENT_CONSTANT);
    ck_assert_int_eq(symbolizer_segment(symbolizer, &loaded.module, 1), SYMBOL_SEGMENT_UNKNOWN);
    ck_assert_int_eq(symbolizer_segment(symbolizer, NULL, function), SYMBOL_SEGMENT_UNKNOWN);
    symbolizer_free(symbolizer);
    unload();
}
END_TEST

START_TEST(symbolizer_vdso_is_named)
{
    struct symbol_module vdso = {.path = "[vdso]", .bias = getauxval(AT_SYSINFO_EHDR)};
    void *handle = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
    struct symbolizer *symbolizer = symbolizer_new(&here);
    const struct symbol_frame *frame;
    void *function;
    size_t count = 0;

    ck_assert_uint_ne(vdso.bias, 0);
    ck_assert_ptr_nonnull(handle);
    function = dlsym(handle, "__vdso_gettimeofday");
    if (!function)
        function = dlsym(handle, "__kernel_gettimeofday"); /* not on x86 */
    ck_assert_ptr_nonnull(function);
    frame = symbolizer_resolve(symbolizer, &vdso, (uint64_t)(uintptr_t)function + 1, &count);
    ck_assert_ptr_nonnull(frame->function);
    ck_assert_ptr_nonnull(strstr(frame->function, "gettimeofday"));
    ck_assert_uint_eq(frame->function_offset, 1);
    symbolizer_free(symbolizer);
    dlclose(handle);
}
END_TEST

START_TEST(symbolizer_no_module_reads_the_perf_map)
{
    struct symbolizer_options options = {.pid = (uint32_t)getpid(), .same_machine = true};
    struct symbolizer *symbolizer;
    const struct symbol_frame *frame;
    char path[64];
    size_t count = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/tmp/perf-%u.map", options.pid);
    unlink(path);
    file = fopen(path, "wx");
    ck_assert_ptr_nonnull(file);
    fputs("7f0000001000 80 LazyCompile:~main app.js:1\n", file);
    fclose(file);
    symbolizer = symbolizer_new(&options);
    frame = symbolizer_resolve(symbolizer, NULL, 0x7f0000001010, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_pstr_eq(frame->function, "LazyCompile:~main app.js:1");
    ck_assert_uint_eq(frame->function_offset, 0x10);
    frame = symbolizer_resolve(symbolizer, NULL, 0x7f0000001080, &count);
    ck_assert_pstr_eq(frame->function, NULL);
    symbolizer_free(symbolizer);

    options.same_machine = false;
    symbolizer = symbolizer_new(&options);
    frame = symbolizer_resolve(symbolizer, NULL, 0x7f0000001010, &count);
    ck_assert_pstr_eq(frame->function, NULL);
    symbolizer_free(symbolizer);
    unlink(path);
}
END_TEST

START_TEST(symbolizer_one_chosen_fixture)
{
    load(strcmp(only_fixture, "debuginfod") == 0 ? "c_stripped" : only_fixture);
    if (strcmp(only_fixture, "c_minidebug") == 0)
        check_names_only(&here, true);
    else
        check_all_calls(&here);
    unload();
}
END_TEST

static void add_refusals(TCase *tests)
{
    tcase_add_test(tests, symbolizer_debuglink_to_another_build_is_not_used);
    tcase_add_test(tests, symbolizer_lost_split_file_keeps_lines_and_is_a_problem);
    tcase_add_test(tests, symbolizer_other_build_id_is_refused);
    tcase_add_test(tests, symbolizer_missing_file_is_a_problem);
    tcase_add_loop_test(tests, symbolizer_file_that_is_no_elf_is_a_problem, 0, 4);
    tcase_add_test(tests, symbolizer_fifo_does_not_block);
    tcase_add_test(tests, symbolizer_deleted_file_needs_its_build_id);
    tcase_add_test(tests, symbolizer_other_machine_needs_a_build_id);
}

static void add_findings(TCase *tests)
{
    tcase_add_loop_test(tests, symbolizer_debug_information_gives_inlined_frames_and_lines, 0,
                        WHOLE_FIXTURES);
    tcase_add_test(tests, symbolizer_stripped_file_gives_exported_names);
    tcase_add_test(tests, symbolizer_no_debug_information_gives_all_names);
    tcase_add_test(tests, symbolizer_debug_directory_is_searched_by_build_id);
    tcase_add_test(tests, symbolizer_missing_binary_is_replaced_by_its_debug_file);
    tcase_add_test(tests, symbolizer_sysroot_is_prefixed);
    tcase_add_test(tests, symbolizer_object_names_the_variable);
    tcase_add_test(tests, symbolizer_segment_by_program_headers);
    tcase_add_test(tests, symbolizer_vdso_is_named);
    tcase_add_test(tests, symbolizer_no_module_reads_the_perf_map);
}

/* The debuginfod client, or the file of an optional fixture, is here. */
static bool can_try(const char *name)
{
    char path[4300];
    void *client;

    if (strcmp(name, "debuginfod") == 0) {
        client = dlopen("libdebuginfod.so.1", RTLD_LAZY);
        if (client)
            dlclose(client);
        return client != NULL;
    }
    snprintf(path, sizeof(path), "%s/%s.so", fixture_dir, name);
    return access(path, R_OK) == 0;
}

/* The fixtures are built beside the unit tests. */
static bool find_fixtures(void)
{
    char self[4000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length <= 0)
        return false;
    self[length] = '\0';
    snprintf(fixture_dir, sizeof(fixture_dir), "%s/../fixtures", dirname(self));
    return true;
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("symbolizer");
    TCase *tests = tcase_create("symbolizer");
    SRunner *runner;
    int failed;

    if (!find_fixtures())
        return EXIT_FAILURE;
    if (argc > 1) {
        only_fixture = argv[1];
        if (!can_try(only_fixture))
            return SKIPPED;
        tcase_add_test(tests, symbolizer_one_chosen_fixture);
    } else {
        add_findings(tests);
        add_refusals(tests);
    }
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
