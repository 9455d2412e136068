/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vmtrace trace file, version 1: constants and fixed layouts.
 *
 * docs/trace-format.md is the normative text; this header is its C form and is
 * all that the recorder (preload/) and the analyzer (analyzer/) share, together
 * with wire.h.  Everything on disk is little-endian.
 *
 *   file   := chunk*, the first one with the file header (VMT_HEADER_SIZE bytes) before its own
 *   chunk  := chunk header (VMT_CHUNK_HEADER_SIZE bytes) record* zero-fill
 *   record := opcode byte (never 0), then its payload
 *
 * Chunks are all VMT_CHUNK_SIZE bytes long (the last one of the file may be
 * cut); a chunk belongs to one stream, and the chunks of one stream follow each
 * other by sequence number.  A stream is written by one thread at a time.  A
 * byte 0 where an opcode should be ends the chunk: the writer stores a record's
 * payload first and its opcode last, so that a process killed between two
 * instructions leaves a readable file.
 */
#ifndef VMTRACE_TRACE_FORMAT_H
#define VMTRACE_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Like PNG's: catches 7-bit and line-end-converting transfers. */
#define VMT_MAGIC "\x89VMT\r\n\x1a\n"
#define VMT_MAGIC_SIZE 8
#define VMT_VERSION 1
#define VMT_HEADER_SIZE 256
#define VMT_CHUNK_SIZE 65536
#define VMT_CHUNK_HEADER_SIZE 32
#define VMT_CHUNK_MAGIC 0x43544d56u /* "VMTC" */

/* Bounds that a reader checks before it believes a length. */
#define VMT_MAX_COLD_PAYLOAD 32768 /* payload bytes of one cold record */
#define VMT_MAX_DEPTH 4096         /* frames of one stack */
#define VMT_MAX_STRING 16384       /* bytes of one string */
#define VMT_MAX_SAMPLE_INTERVAL (UINT64_C(1) << 40)

/* What orders events between threads (file header, `clock`). */
enum vmt_clock {
    VMT_CLOCK_TICKS = 1,   /* a synchronised hardware counter (x86 TSC) */
    VMT_CLOCK_COUNTER = 2, /* one atomic counter for the process: order without duration */
};

/* Where page-fault figures come from (file header, `fault_source`). */
enum vmt_fault_source {
    VMT_FAULTS_OFF = 0,
    VMT_FAULTS_PERF = 1,   /* per-thread software page-fault events; user-mode faults, exact
                              per event; kernel-mode ones too if VMT_FLAG_KERNEL_FAULTS */
    VMT_FAULTS_RUSAGE = 2, /* getrusage(RUSAGE_THREAD) deltas, taken now and then */
};

/* File header flags. */
#define VMT_FLAG_FORKED 1u        /* forked from a traced process: it inherited live blocks */
#define VMT_FLAG_KERNEL_FAULTS 2u /* perf counts include faults taken inside system calls */
#define VMT_FLAG_EXACT_FAULTS 4u  /* every event carries the faults up to it */

/* `end_state` of the file header. */
enum vmt_end_state {
    VMT_END_NONE = 0,   /* no orderly end was seen (still running, or killed) */
    VMT_END_EXIT = 1,   /* an END record holds how */
    VMT_END_SIGNAL = 2, /* a CRASH record holds the signal */
    VMT_END_EXEC = 3,   /* the process image was replaced */
};

/* At offset 0, where the first chunk would begin: that one's header follows at VMT_HEADER_SIZE. The
 * space between is zero, but for 8 bytes behind the struct, which are the writer's own. */
struct vmt_file_header {
    uint8_t magic[VMT_MAGIC_SIZE];
    uint32_t version;
    uint32_t header_size;
    uint32_t chunk_size;
    uint32_t page_size;
    uint32_t machine; /* ELF e_machine of the process */
    uint32_t clock;   /* enum vmt_clock */
    uint32_t pid;
    uint32_t ppid;
    uint64_t trace_id;        /* random */
    uint64_t parent_trace_id; /* of the process this one was forked from, or 0 */
    uint64_t start_realtime_ns;
    uint64_t start_monotonic_ns;
    uint64_t start_ticks;       /* clock value at start */
    uint64_t start_boottime_ns; /* a process of this pid that began later is another one */
    /* Kept current while recording, with relaxed atomics (the clock, too). */
    uint64_t boot_id;          /* first 8 bytes of /proc/sys/kernel/random/boot_id; 0: not known,
                                  or not yet */
    uint32_t flags;            /* VMT_FLAG_* */
    uint32_t fault_source;     /* enum vmt_fault_source */
    uint64_t lost_events;      /* events that were not recorded */
    uint32_t end_state;        /* enum vmt_end_state */
    uint32_t end_status;       /* exit status or signal that goes with end_state */
    uint64_t ticks_per_second; /* 0: derive it from CLOCK records */
    /* 0: every allocation is recorded.  N: one of s bytes (0 count as 1) only with the probability
     * 1 - exp(-s / N), independently of all others, and of the releases only those of blocks
     * whose allocation was chosen. */
    uint64_t sample_interval;
    uint64_t space_end; /* the recorder's own: where the space ends that was given out */
    /* Forked children that could not begin a trace of their own: each counts itself here. */
    uint64_t lost_children;
};

/* At the start of each chunk. `magic` is stored last. */
struct vmt_chunk_header {
    uint32_t magic;
    uint32_t stream;     /* which stream the chunk belongs to, from 0 */
    uint32_t sequence;   /* position of the chunk in its stream, from 0 */
    uint32_t tid;        /* thread that writes the stream when the chunk begins */
    uint64_t ticks;      /* the stream's clock at the chunk's start */
    uint32_t next_node;  /* number that the next stack node of the stream will get */
    uint32_t node_epoch; /* how many NODES_RESET records the stream has had before */
};

/* ---- hot records: opcode >= 0x80 --------------------------------------
 *
 *   1 KKKK TFS
 *     KKKK  enum vmt_kind
 *     T     a varint follows: clock ticks since the stream's clock, which it advances
 *     F     two varints follow: minor and major page faults of the thread since its
 *           previous event
 *     S     allocations: stack and size stand in a slot; releases: a stack follows
 *
 * Payload, after the optional T and F fields:
 *   MALLOC CALLOC NEW NEW_ARRAY REALLOC, S=1 : slot byte, address
 *   the same, S=0                            : size varint, stack, address
 *   ALLOC_OTHER (S=0)  : enum vmt_subkind byte, alignment log2 byte, size varint, stack, address
 *   FREE DELETE DELETE_ARRAY REALLOC_BEGIN   : address, stack if S
 *   FREE_OTHER         : enum vmt_subkind byte, address, stack if S
 *   ALLOC_FAILED (S=0) : kind byte, size varint, stack
 *   REALLOC_FAILED (S=0): size varint, stack
 *   NODES (flags 0)    : parent varint, count varint, count times zigzag(pc - previous pc)
 *
 * stack   := varint r.  r odd: the stack in slot r >> 1.  r even: node r >> 1, which is
 *            then stored in slot VMT_SLOT_OF(node).
 * address := varint v.  v even: base + 16 * unzigzag(v >> 1); v odd: base + unzigzag(v >> 1).
 *            The base of a release is the address of the stream's last hot record (0 at a
 *            chunk's start), that of an allocation the address in the slot of its node, or, where
 *            that is 0, the same as for a release.
 */
#define VMT_HOT 0x80u
#define VMT_HOT_STACK 0x01u
#define VMT_HOT_FAULTS 0x02u
#define VMT_HOT_TIME 0x04u
#define VMT_HOT_KIND_SHIFT 3

enum vmt_kind {
    VMT_FREE = 0,
    VMT_MALLOC = 1,
    VMT_CALLOC = 2,
    VMT_REALLOC = 3, /* the new block of a realloc; a REALLOC_BEGIN of the old one came before,
                        unless the old pointer was NULL */
    VMT_NEW = 4,
    VMT_NEW_ARRAY = 5,
    VMT_DELETE = 6,
    VMT_DELETE_ARRAY = 7,
    VMT_REALLOC_BEGIN = 8, /* the old block of a realloc, before the real call */
    VMT_ALLOC_OTHER = 9,
    VMT_FREE_OTHER = 10,
    VMT_ALLOC_FAILED = 11,   /* the call returned NULL */
    VMT_REALLOC_FAILED = 12, /* the block of the stream's last REALLOC_BEGIN is live again */
    VMT_REALLOC_FREED = 13,  /* realloc to size 0 freed the block of the last REALLOC_BEGIN;
                                no payload */
    VMT_NODES = 15,
};

enum vmt_subkind {
    VMT_SUB_NONE = 0,
    /* allocations */
    VMT_SUB_POSIX_MEMALIGN = 1,
    VMT_SUB_ALIGNED_ALLOC = 2,
    VMT_SUB_MEMALIGN = 3,
    VMT_SUB_VALLOC = 4,
    VMT_SUB_PVALLOC = 5,
    VMT_SUB_REALLOCARRAY = 6,
    VMT_SUB_NEW_ALIGNED = 7,
    VMT_SUB_NEW_ARRAY_ALIGNED = 8,
    /* releases */
    VMT_SUB_FREE_SIZED = 32,
    VMT_SUB_FREE_ALIGNED_SIZED = 33,
    VMT_SUB_DELETE_ALIGNED = 34,
    VMT_SUB_DELETE_ARRAY_ALIGNED = 35,
};

/* Slots remember, for a stack, the last size and address; all are empty (node 0, size 0,
 * address 0) when a chunk begins and after NODES_RESET.  An even stack reference, in any record,
 * sets the slot to (node, 0, 0); a hot allocation of any kind, after its fields are read, sets slot
 * VMT_SLOT_OF(its node) to (node, size, address). */
#define VMT_SLOTS 128
#define VMT_SLOT_OF(node) ((node) & (VMT_SLOTS - 1u))

/* Stack nodes: numbers are the stream's own.  0 is the empty stack, 1 the root of stacks
 * whose outer frames were cut (VMTRACE_DEPTH or an unwinder that lost its way); NODES
 * defines 2, 3, ... in order.  The first node of a NODES record hangs below `parent`, each
 * further one below the one before it, so a stack is written from its outer frame inward.
 * A pc is the frame's return address (or, for a frame interrupted by a signal, the exact
 * instruction, marked by VMT_PC_EXACT).  `previous pc` is 0 at a chunk's start and goes on
 * from NODES record to NODES record. */
#define VMT_NODE_EMPTY 0u
#define VMT_NODE_CUT 1u
#define VMT_NODE_FIRST 2u
#define VMT_PC_EXACT (UINT64_C(1) << 63)

/* ---- cold records: opcode < 0x80 ---------------------------------------
 *
 *   opcode byte, payload length varint, payload
 *
 * Every payload begins with a varint: clock ticks since the stream's clock, which it
 * advances.  A reader skips opcodes and trailing payload bytes it does not know.
 * string := length varint, bytes (no NUL).  stack as above.  Fields are varints unless
 * said otherwise; "address" fields here are plain varints.
 */
enum vmt_op {
    VMT_OP_END_OF_CHUNK = 0,
    VMT_OP_CLOCK = 0x01,         /* monotonic_ns */
    VMT_OP_THREAD = 0x02,        /* tid: the thread that writes this stream from here on */
    VMT_OP_THREAD_NAME = 0x03,   /* tid, string */
    VMT_OP_NODES_RESET = 0x04,   /* all node numbers of this stream are void; next is 2;
                                     slots, last address, previous pc as in a new chunk */
    VMT_OP_MODULE_LOAD = 0x05,   /* bias, start, end (addresses), build-id string, path string,
                                    flags (VMT_MODULE_*) */
    VMT_OP_MODULE_UNLOAD = 0x06, /* start */
    VMT_OP_FACT = 0x07,          /* key string, value string; keys in docs/trace-format.md */
    VMT_OP_ARGUMENT = 0x08,      /* index, string */
    VMT_OP_MEMORY_SAMPLE = 0x09, /* virtual_bytes, rss_bytes, file_bytes (file-backed part of
                                   rss), minor, major (process totals by getrusage),
                                   recorder_bytes (virtual memory of the recorder itself),
                                   swap_bytes (older recorders: the record ends before it) */
    VMT_OP_PHASE_BEGIN = 0x0a,   /* string */
    VMT_OP_PHASE_END = 0x0b,     /* string */
    VMT_OP_PAUSE = 0x0c,
    VMT_OP_RESUME = 0x0d,
    VMT_OP_SNAPSHOT = 0x0e,     /* string */
    VMT_OP_MAP = 0x10,          /* source (VMT_MAP_*), address, length, prot, flags, offset,
                                   stack, name string (file, or empty) */
    VMT_OP_UNMAP = 0x11,        /* source, address, length (0: the shm segment at address),
                                   stack; before the real call */
    VMT_OP_UNMAP_FAILED = 0x12, /* the stream's last UNMAP or REMAP_BEGIN did not happen */
    VMT_OP_REMAP_BEGIN = 0x13,  /* old address, old length; before the real call */
    VMT_OP_REMAP_END = 0x14,    /* new address, new length, stack */
    VMT_OP_BREAK = 0x15,        /* old break, new break, stack */
    VMT_OP_ADVISE = 0x16,       /* address, length, advice, stack */
    VMT_OP_POOL = 0x18,         /* pool number (>= 1), name string */
    VMT_OP_POOL_ALLOC = 0x19,   /* pool, address, size, stack */
    VMT_OP_POOL_RESIZE = 0x1a,  /* pool, old address, new address, new size, stack */
    VMT_OP_POOL_FREE = 0x1b,    /* pool, address, stack */
    VMT_OP_POOL_CLEAR = 0x1c,   /* pool, stack: every block of the pool is released */
    VMT_OP_FORK = 0x20,         /* pid of the child */
    VMT_OP_EXEC = 0x21,         /* string: path; about to replace the image */
    VMT_OP_EXEC_FAILED = 0x22,  /* errno */
    VMT_OP_CRASH = 0x23,        /* signal, si_code (zigzag), address, stack, flags (VMT_CRASH_*),
                                   then the general registers to the payload's end */
    VMT_OP_END = 0x24,          /* how (VMT_EXIT_*), status, minor, major, max_rss_bytes, user_ns,
                                   system_ns */
    VMT_OP_LOST = 0x25,         /* reason (VMT_LOST_*), errno: this stream records no more until
                                   a later chunk of it */
    VMT_OP_FAULT_SOURCE = 0x26, /* enum vmt_fault_source: of this stream's thread from here on */
    VMT_OP_TEMPORARY = 0x27,    /* address: the next release in this stream, of that block, comes
                                   before any other allocation by the block's thread, recorded or
                                   not; where sample_interval is not 0 */
    VMT_OP_STACK = 0x28,        /* low, high: where the stack of this stream's thread may lie */
    VMT_OP_FAULTS = 0x29, /* minor, major: faults of the thread since the last record that told
                             any; then details of some of them, to the payload's end: see below */
    VMT_OP_RESIDENCY =
        0x2a,             /* reason (VMT_RESIDENCY_*), rss_bytes, virtual_bytes, swap_bytes,
                             page_table_bytes, locked_bytes, name string: what is in memory; REGION
                             and PAGES records of the same stream follow, up to RESIDENCY_END */
    VMT_OP_REGION = 0x2b, /* start, length, flags (VMT_REGION_*), offset, device, inode, rss,
                             pss, shared_clean, shared_dirty, private_clean, private_dirty,
                             anonymous, huge, swap, locked (all bytes), name string */
    VMT_OP_PAGES = 0x2c,  /* address, page_size; then runs of pages from there on, to the payload's
                             end:  varint pages << 4 | VMT_PAGE_* bits */
    VMT_OP_RESIDENCY_END = 0x2d, /* errno of what could not be read (0: all was), rss, pss,
                                   anonymous, swap (smaps_rollup's, bytes), duration_ns */
    VMT_OP_SCAN = 0x2e,         /* number (from 1), reason (VMT_SCAN_*), stop (VMT_STOP_*), threads,
                                   threads that were stopped, name string: memory is looked through for
                                   pointers; REGION, SCAN_THREAD and POINTERS records of the same stream
                                   follow, up to SCAN_END, all of this one moment */
    VMT_OP_SCAN_THREAD = 0x2f,  /* tid, stack pointer, thread pointer, flags (VMT_THREAD_*); then
                                   its registers' pointers, varints to the payload's end */
    VMT_OP_POINTERS = 0x30,     /* location; then entries to the payload's end: see below */
    VMT_OP_SCAN_END = 0x31,     /* errno (0: all was read), words, pointers, unreadable_bytes,
                                   pause_ns, duration_ns */
    VMT_OP_IGNORE_BEGIN = 0x34, /* __lsan_disable: blocks that this thread allocates from here on
                                   are no leaks, and what they point to is not lost */
    VMT_OP_IGNORE_END = 0x35,
    VMT_OP_IGNORE_OBJECT = 0x36,   /* address in a block for which the same holds */
    VMT_OP_ROOT_REGION = 0x37,     /* address, size: pointers there are roots */
    VMT_OP_ROOT_REGION_END = 0x38, /* address, size as before */
    VMT_OP_UNFOLLOWED = 0x39,      /* pid (0: not known), reason (VMT_UNFOLLOWED_*), path string: a
                                      child, or this process itself by its next EXEC, becomes a
                                      program that leaves no trace.  Reason 0: the stream's last
                                      UNFOLLOWED did not happen */
};

/* The folders that `vmtrace check` has traces written to begin with this. */
#define VMT_CHECK_FOLDER "vmtrace-check-"
/* A link in such a folder, to one that has the first chunks of traces of the same names. */
#define VMT_CHECK_FIRST ".first"

enum vmt_unfollowed {
    VMT_FOLLOWED = 0,
    VMT_UNFOLLOWED_STATIC = 1,     /* it has no ld.so */
    VMT_UNFOLLOWED_PRIVILEGED = 2, /* setuid, setgid, with capabilities: ld.so ignores preloads */
    VMT_UNFOLLOWED_WORD_SIZE = 3,
    VMT_UNFOLLOWED_PROCESSOR = 4,
    VMT_UNFOLLOWED_PRELOAD = 5,   /* its LD_PRELOAD has no libvmtrace.so */
    VMT_UNFOLLOWED_OUTPUT = 6,    /* its VMTRACE_OUTPUT is another one */
    VMT_UNFOLLOWED_SANITIZER = 7, /* it has a sanitizer's malloc; it is started without us, */
    VMT_UNFOLLOWED_LIBC = 8,      /* and so is one with another libc than ours */
};

/* Entries of POINTERS: varint h: words of 8 bytes since the last entry (the first one: since
 * `location`) << 2 | VMT_POINTER_*, then
 *   FAR    an address as in hot records; its base is the value of the record's last FAR or NEAR
 *          (the first one's: location)
 *   NEAR   an address whose base is the entry's own place
 *   TABLE  nothing: the word there points to a table of functions in memory that nobody writes
 *   BEFORE varint: of the pointer before (h has no words), the word that stands 8 bytes before its
 *          target << 1, or the one 16 bytes before it << 1 | 1, the capacity of a string */
#define VMT_POINTER_FAR 0u
#define VMT_POINTER_NEAR 1u
#define VMT_POINTER_TABLE 2u
#define VMT_POINTER_BEFORE 3u
#define VMT_POINTER_SHIFT 2

enum vmt_scan {
    VMT_SCAN_EXIT = 0,
    VMT_SCAN_SNAPSHOT = 1, /* vmtrace_snapshot(), its name */
    VMT_SCAN_SIGNAL = 2,
    VMT_SCAN_LSAN = 3, /* __lsan_do_leak_check and the like */
};

/* How the other threads were kept from going on meanwhile. */
enum vmt_stop {
    VMT_STOP_ALONE = 0, /* there were none */
    VMT_STOP_PTRACE = 1,
    VMT_STOP_SIGNAL = 2,
    VMT_STOP_NONE = 3,
};

#define VMT_THREAD_STOPPED 1u   /* or it asked for the scan */
#define VMT_THREAD_ASKED 2u     /* it asked for the scan */
#define VMT_THREAD_REGISTERS 4u /* they are all told, here or on its stack */

/* Details in FAULTS.  The stream keeps VMT_FAULT_SLOTS slots (code, address), a number of the next
 * slot to fill, the last new code, and the last fault's address, all 0 at a chunk's start: varint
 * h: VMT_FAULT_* bits, and from bit VMT_FAULT_CODE_SHIFT on c c = 0:  zigzag(code - last new code),
 * which becomes that; the slot to fill, which is thereby used and followed by the next one (round),
 * becomes (code, last fault's address) c > 0:  slot c - 1 zigzag(address - (slot's address + page
 * size)); address becomes the slot's and the last fault's stack, if VMT_FAULT_STACK */
#define VMT_FAULT_SLOTS 64u
#define VMT_FAULT_MAJOR 1u /* it was read from a disk */
#define VMT_FAULT_KERNEL                                                                           \
    2u /* taken inside a system call; code is the user's, 0 if that is not known */
#define VMT_FAULT_STACK 4u
#define VMT_FAULT_CODE_SHIFT 3

enum vmt_residency {
    VMT_RESIDENCY_EXIT = 0,
    VMT_RESIDENCY_SNAPSHOT = 1, /* vmtrace_snapshot(), its name */
    VMT_RESIDENCY_SIGNAL = 2,
    VMT_RESIDENCY_PEAK = 3, /* resident memory was higher than in all before */
};

#define VMT_CRASH_HANDLED 1u /* a handler of the program's comes next */
#define VMT_CRASH_READ 2u    /* what the access was, where that is known */
#define VMT_CRASH_WRITE 4u
#define VMT_CRASH_EXECUTE 8u

#define VMT_REGION_READ 1u
#define VMT_REGION_WRITE 2u
#define VMT_REGION_EXECUTE 4u
#define VMT_REGION_SHARED 8u
#define VMT_REGION_NO_SIZES 0x10u /* the kernel did not tell rss and what follows it */

#define VMT_PAGE_PRESENT 1u
#define VMT_PAGE_SWAPPED 2u
#define VMT_PAGE_FILE 4u      /* of a file, or shared anonymous memory */
#define VMT_PAGE_EXCLUSIVE 8u /* mapped nowhere else */

#define VMT_MODULE_MAIN 1u   /* the executable */
#define VMT_MODULE_TRACER 2u /* libvmtrace.so and what it loaded for itself */

enum vmt_map_source {
    VMT_MAP_MMAP = 0,
    VMT_MAP_SHM = 1,
    VMT_MAP_ALLOCATOR = 0x100, /* flag, added: called from inside the allocator */
};

enum vmt_exit {
    VMT_EXIT_EXIT = 0,       /* exit() or return from main */
    VMT_EXIT_UNDERSCORE = 1, /* _exit, _Exit */
    VMT_EXIT_QUICK = 2,      /* quick_exit */
};

enum vmt_lost {
    VMT_LOST_SPACE = 1,    /* no space could be reserved (errno says why) */
    VMT_LOST_MAX_SIZE = 2, /* VMTRACE_MAX_SIZE was reached */
    VMT_LOST_MEMORY = 3,   /* the recorder could not map memory of its own */
    VMT_LOST_REENTRY = 4,  /* too many signal handlers nested in one another */
    VMT_LOST_FILE = 5,     /* the file could not be opened again or is not ours any more */
};

_Static_assert(sizeof(struct vmt_file_header) == 152, "file header layout");
_Static_assert(sizeof(struct vmt_chunk_header) == VMT_CHUNK_HEADER_SIZE, "chunk header layout");
_Static_assert(offsetof(struct vmt_file_header, lost_events) == 104, "file header layout");

#endif
