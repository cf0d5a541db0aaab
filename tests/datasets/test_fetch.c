#include "tests/datasets/place.h"

#include "base/hash.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/fetch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* tests/datasets/fetch_server.py, a web server that behaves as badly as its paths say. */
enum { SIZE = 200000 };
static struct {
    pid_t pid;
    int port, input;
} server;
static uint8_t contents[SIZE];
static char sha[HASH_HEX];

static int start_server(void)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out))
        return -1;
    server.pid = fork();
    if (server.pid < 0)
        return -1;
    if (!server.pid) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execlp("python3", "python3", source_path("tests/datasets/fetch_server.py"), NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server.input = in[1];
    FILE *answer = fdopen(out[0], "r");
    int read = answer ? fscanf(answer, "%d", &server.port) : 0;
    if (answer)
        fclose(answer);
    return read == 1 ? 0 : -1;
}

static int setup(void **state)
{
    for (size_t i = 0; i < SIZE; i++)
        contents[i] = (uint8_t)(i * 7 + i / 256 * 13);
    hash_bytes(contents, SIZE, sha);
    /* A proxy of the surroundings would be asked for loopback, too. */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    signal(SIGPIPE, SIG_IGN);
    return place_open(state) || start_server();
}

static int teardown(void **state)
{
    close(server.input); /* it stops by itself then */
    waitpid(server.pid, NULL, 0);
    return place_close(state);
}

static struct fetch_options quick(void)
{
    return (struct fetch_options){
        .quiet = true, .tries = 4, .pause_s = 0.02, .stall_s = 1};
}

static char *address(const char *path)
{
    return mem_format("http://127.0.0.1:%d/%s", server.port, path);
}

/* Fetches one file whose addresses are the server's paths, to place("NAME"). */
static enum status fetch_with(const struct fetch_options *options, const char *name,
                              const char *const *paths, struct fetch_item *item)
{
    char *urls[8] = {NULL};
    for (size_t i = 0; paths[i]; i++)
        urls[i] = strstr(paths[i], "://") ? mem_copy(paths[i]) : address(paths[i]);
    *item = (struct fetch_item){.name = name,
                                .urls = (const char *const *)urls,
                                .sha256 = sha,
                                .bytes = SIZE,
                                .path = place(name)};
    enum status st = fetch_all(item, 1, options);
    for (size_t i = 0; urls[i]; i++)
        free(urls[i]);
    item->urls = NULL;
    return st;
}

static enum status fetch(const char *name, const char *path, struct fetch_item *item)
{
    const struct fetch_options options = quick();
    return fetch_with(&options, name, (const char *const[]){path, NULL}, item);
}

static char *part_of(const char *name)
{
    return mem_format("%s.part", place(name));
}

static void assert_whole(const char *name)
{
    char hex[HASH_HEX], *part = part_of(name);
    assert_ok(hash_file(place(name), hex));
    assert_string_equal(hex, sha);
    assert_int_not_equal(access(part, F_OK), 0);
    free(part);
}

static void assert_absent(const char *name)
{
    assert_int_not_equal(access(place(name), F_OK), 0);
}

static void says(enum status got, enum status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

/* The server's log since the last look, lines of "PATH RANGE", asked for by hand. */
static char *requests(void)
{
    static const char question[] = "GET /log HTTP/1.0\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, question, sizeof question - 1), sizeof question - 1);
    struct text answer = {0};
    char buffer[4096];
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
        text_add_bytes(&answer, buffer, (size_t)got);
    close(fd);
    char *body = strstr(answer.data, "\r\n\r\n");
    assert_non_null(body);
    char *log = mem_copy(body + 4);
    text_clear(&answer);
    return log;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void plain(void **state)
{
    (void)state;
    struct fetch_item item;
    assert_ok(fetch("plain", "good/plain", &item));
    assert_whole("plain");
    assert_int_equal(item.fetched_bytes, SIZE);
    free(requests());
    assert_ok(fetch("plain", "good/plain", &item));
    assert_true(item.was_there);
    char *log = requests();
    assert_string_equal(log, "");
    free(log);
}

/* Every one of these ends well, in as many requests as it says. */
static void bad_manners(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        size_t requests;
    } cases[] = {
        {"slow", 1}, {"cut", 3},     {"cutnorange", 2}, {"long", 1},
        {"busy", 3}, {"nothing", 2}, {"moved", 1},      {"stall", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_item item;
        char path[64];
        snprintf(path, sizeof path, "%s/%s", cases[i].kind, cases[i].kind);
        free(requests());
        enum status st = fetch(cases[i].kind, path, &item);
        if (st)
            fail_msg("%s: %s", cases[i].kind, status_message());
        assert_whole(cases[i].kind);
        char *log = requests(), word[80];
        snprintf(word, sizeof word, "/%s ", path);
        if (count_of(log, word) != cases[i].requests)
            fail_msg("%s: expected %zu requests, got:\n%s", cases[i].kind,
                     cases[i].requests, log);
        free(log);
    }
}

static void resumes(void **state)
{
    (void)state;
    struct fetch_item item;
    place_bytes("half.part", contents, SIZE / 2);
    free(requests());
    assert_ok(fetch("half", "good/half", &item));
    assert_whole("half");
    assert_int_equal(item.fetched_bytes, SIZE / 2);
    char *log = requests();
    assert_string_equal(log, "/good/half bytes=100000-\n");
    free(log);

    /* All there and only unchecked: nothing to ask. */
    place_bytes("ready.part", contents, SIZE);
    assert_ok(fetch("ready", "good/ready", &item));
    assert_whole("ready");
    assert_int_equal(item.fetched_bytes, 0);

    /* Somebody else's half, a part too long, a server without ranges or with wrong ones. */
    static uint8_t other[SIZE + 100];
    place_bytes("other.part", other, 1000);
    assert_ok(fetch("other", "good/other", &item));
    assert_whole("other");
    place_bytes("longer.part", other, sizeof other);
    assert_ok(fetch("longer", "good/longer", &item));
    assert_whole("longer");
    place_bytes("ranges.part", other, 1000);
    assert_ok(fetch("ranges", "wrongrange/ranges", &item));
    assert_whole("ranges");
}

static void waits_as_asked(void **state)
{
    (void)state;
    struct fetch_item item;
    double start = clock_now();
    assert_ok(fetch("later", "later/later", &item));
    assert_true(clock_now() - start > 0.95);
    assert_whole("later");
}

static void gives_up(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *words;
        enum status st;
        size_t requests;
    } cases[] = {
        {"missing", "404", ERR_NOTFOUND, 1},
        {"forbidden", "403", ERR_IO, 1},
        {"down", "503", ERR_IO, 4},
        {"flip", "should be", ERR_FORMAT, 1},
        {"short", "199990 bytes and should have 200000", ERR_FORMAT, 1},
        {"more", "more than the 200000 bytes", ERR_FORMAT, 1},
        {"empty", "0 bytes and should have", ERR_FORMAT, 1},
        {"circle", "redirects", ERR_IO, 11},
        {"tofile", "rotocol", ERR_IO, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_item item;
        char path[64], word[80];
        snprintf(path, sizeof path, "%s/gives-up", cases[i].kind);
        free(requests());
        says(fetch(cases[i].kind, path, &item), cases[i].st, cases[i].words);
        assert_non_null(strstr(status_message(), cases[i].kind));
        assert_absent(cases[i].kind);
        fetch_items_clear(&item, 1);
        char *log = requests();
        snprintf(word, sizeof word, "/%s ", path);
        if (count_of(log, word) != cases[i].requests)
            fail_msg("%s: expected %zu requests, got:\n%s", cases[i].kind,
                     cases[i].requests, log);
        free(log);
    }
}

static void other_addresses(void **state)
{
    (void)state;
    struct fetch_item item;
    struct fetch_options options = quick();
    const char *const paths[] = {"missing/x", "flip/x", "good/elsewhere", NULL};
    assert_ok(fetch_with(&options, "elsewhere", paths, &item));
    assert_whole("elsewhere");

    /* A mirror holds files by their names and is asked first. */
    char *mirror = address("good");
    options.mirror = mirror;
    const char *const far[] = {"missing/deep/down/mirrored?download=1", NULL};
    free(requests());
    assert_ok(fetch_with(&options, "mirrored", far, &item));
    assert_whole("mirrored");
    char *log = requests();
    assert_string_equal(log, "/good/mirrored -\n");
    free(log);
    free(mirror);

    /* A folder does as well. */
    place_bytes("shelf/onshelf", contents, SIZE);
    mirror = mem_format("file://%s", place("shelf"));
    options.mirror = mirror;
    const char *const gone[] = {"missing/onshelf", NULL};
    assert_ok(fetch_with(&options, "onshelf", gone, &item));
    assert_whole("onshelf");
    free(mirror);
}

static void offline(void **state)
{
    (void)state;
    struct fetch_item item;
    struct fetch_options options = quick();
    options.offline = true;
    const char *const paths[] = {"good/offline", NULL};
    free(requests());
    says(fetch_with(&options, "offline", paths, &item), ERR_NOTFOUND, "--offline");
    fetch_items_clear(&item, 1);
    char *log = requests();
    assert_string_equal(log, "");
    free(log);

    place_bytes("damaged", contents, SIZE - 1);
    options.verify = true;
    says(fetch_with(&options, "damaged", paths, &item), ERR_FORMAT, "should have 200000");
    fetch_items_clear(&item, 1);
    options.offline = false;
    assert_ok(fetch_with(&options, "damaged", paths, &item));
    assert_whole("damaged");
}

static void several_at_once(void **state)
{
    (void)state;
    enum { COUNT = 6 };
    char *urls[COUNT][2] = {{NULL}}, *paths[COUNT], names[COUNT][16];
    struct fetch_item items[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "many%d", i);
        paths[i] = mem_copy(place(names[i]));
        /* slow: 1 s each; the third does not exist and costs only itself */
        char *path = mem_format("%s/many%d", i == 2 ? "missing" : "slow", i);
        urls[i][0] = address(path);
        free(path);
        items[i] = (struct fetch_item){.name = names[i],
                                       .urls = (const char *const *)urls[i],
                                       .sha256 = sha,
                                       .path = paths[i]};
    }
    struct fetch_options options = quick();
    options.at_once = COUNT;
    double start = clock_now();
    says(fetch_all(items, COUNT, &options), ERR_NOTFOUND, "many2");
    assert_true(clock_now() - start < 4); /* not 5 s one after the other */
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(items[i].st, i == 2 ? ERR_NOTFOUND : OK);
        if (i != 2)
            assert_whole(names[i]);
        free(urls[i][0]);
        free(paths[i]);
    }
    fetch_items_clear(items, COUNT);
}

static void one_process_a_file(void **state)
{
    (void)state;
    struct fetch_item item;
    char *part = part_of("held");
    int fd = open(part, O_RDWR | O_CREAT, 0644);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    says(fetch("held", "good/held", &item), ERR_BUSY, "another process");
    fetch_items_clear(&item, 1);
    assert_int_equal(access(part, F_OK), 0);
    close(fd);
    assert_ok(fetch("held", "good/held", &item));
    assert_whole("held");
    free(part);
}

static void *interrupt_soon(void *unused)
{
    (void)unused;
    usleep(350000);
    threads_interrupt();
    return NULL;
}

/* Last of the tests that fetch: nothing clears the wish to stop. */
static void interrupted(void **state)
{
    (void)state;
    struct fetch_item item;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
    says(fetch("stopped", "slow/stopped", &item), ERR_INTERRUPTED, "interrupted");
    pthread_join(thread, NULL);
    fetch_items_clear(&item, 1);
    assert_absent("stopped");
    char *part = part_of("stopped");
    struct stat info;
    assert_int_equal(stat(part, &info), 0);
    assert_in_range(info.st_size, 1, SIZE - 1);
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(bad_manners),
        cmocka_unit_test(resumes),
        cmocka_unit_test(waits_as_asked),
        cmocka_unit_test(gives_up),
        cmocka_unit_test(other_addresses),
        cmocka_unit_test(offline),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(one_process_a_file),
        cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
