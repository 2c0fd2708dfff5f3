/* Answers as the campaign service would, from memory, and about the very ids it was sent.
 *
 *   server CORE DELAY_MICROSECONDS
 *
 * Prints its port, and ends when its standard input does. One thread, epoll, keep-alive. A reply
 * waits DELAY after its request came: the delay is the same for all, so a queue in order is enough.
 * Timers are late, by a third of a millisecond on a quiet virtual machine: so one wakes it EARLY,
 * and the rest it waits awake, which counts as processor time that it used.
 * POST .../records is a 201 with one record for each crmRecordId in the body, PATCH a campaign, and
 * GET the server's own account: requests, records, and the processor seconds it has used.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NEEDLE "\"crmRecordId\""
#define HEAD_ROOM 256
#define MOST_WAITING 65536
#define EARLY 1000 /* microseconds */

struct buffer { char *at; size_t begin, end, size; };
struct connection { int fd; struct buffer in, out; int waiting, dead, wants_write; };
static struct { struct connection *who; uint64_t due; } queue[MOST_WAITING];
static size_t queue_first, queue_count;
static int poller, timer;
static uint64_t delay, requests, records;
static char listener_mark, timer_mark, input_mark;

static void need(struct buffer *b, size_t more) {
    if (b->begin == b->end) b->begin = b->end = 0;
    if (b->end + more <= b->size) return;
    if (b->begin) {
        memmove(b->at, b->at + b->begin, b->end - b->begin);
        b->end -= b->begin;
        b->begin = 0;
        if (b->end + more <= b->size) return;
    }
    b->size = (b->end + more) * 2;
    if (!(b->at = realloc(b->at, b->size))) abort();
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static char *put(char *to, const char *text, size_t length) { return memcpy(to, text, length) + length; }
#define PUT(to, literal) put(to, literal, sizeof literal - 1)

static char *put_number(char *to, uint64_t n) {
    char digits[20];
    int i = 20;
    do digits[--i] = (char)('0' + n % 10); while (n /= 10);
    return put(to, digits + i, (size_t)(20 - i));
}

static char *put_record(char *to, const char *id, size_t length) {
    static const char hex[] = "0123456789abcdef";
    uint64_t n = ++records;
    char tail[12];
    for (int i = 12; i--; n >>= 4) tail[i] = hex[n & 15];
    to = PUT(to, "{\"id\":\"789e4567-e89b-12d3-a456-");
    to = put(to, tail, 12);
    to = PUT(to, "\",\"type\":\"DYNAMIC\",\"crmRecordId\":\"");
    to = put(to, id, length);
    to = PUT(to, "\",\"priority\":\"HIGH\",\"rank\":");
    to = put_number(to, records);
    return PUT(to, ".0,\"nextAttemptAfter\":\"2026-01-15T11:30:00Z\",\"retryCount\":0,"
                   "\"state\":\"PENDING\"},");
}

/* The body of the 201. An id is copied as it stands, escapes and all. */
static char *put_records(char *to, const char *body, const char *end) {
    to = PUT(to, "{\"records\":[");
    const char *found;
    while ((found = memmem(body, (size_t)(end - body), NEEDLE, sizeof NEEDLE - 1))) {
        const char *id = memchr(found + sizeof NEEDLE - 1, '"', (size_t)(end - found) - (sizeof NEEDLE - 1));
        if (!id++) break;
        const char *stop = id;
        while (stop < end && *stop != '"') stop += *stop == '\\' ? 2 : 1;
        if (stop >= end) break;
        to = put_record(to, id, (size_t)(stop - id));
        body = stop;
    }
    if (to[-1] == ',') to--;
    return PUT(to, "]}");
}

static char *put_account(char *to) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return to + sprintf(to, "{\"requests\":%llu,\"records\":%llu,\"cpu\":%.6f}",
        (unsigned long long)requests, (unsigned long long)records,
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
            + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

/* The reply to one request: the body first, behind room for its head, since that tells the length. */
static void answer(struct connection *c, char method, const char *body, const char *end) {
    need(&c->out, HEAD_ROOM + 4096 + (size_t)(end - body) * 20);
    char *start = c->out.at + c->out.end + HEAD_ROOM, *stop;
    const char *status = "200 OK";
    if (method == 'G') {
        stop = put_account(start);
    } else if (method == 'A') {
        stop = PUT(start, "{\"id\":\"123e4567-e89b-12d3-a456-426614174000\",\"state\":\"RUNNING\","
                          "\"displayStatus\":\"RUNNING\",\"recordCount\":0,\"recordCounts\":[]}");
        requests++;
    } else {
        status = "201 Created";
        stop = put_records(start, body, end);
        requests++;
    }
    int head = sprintf(c->out.at + c->out.end,
        "HTTP/1.1 %s\r\nDate: Thu, 15 Jan 2026 10:30:00 GMT\r\n"
        "Content-Type: application/vnd.campaigns.v1+json\r\nContent-Length: %zu\r\n\r\n",
        status, (size_t)(stop - start));
    memmove(c->out.at + c->out.end + head, start, (size_t)(stop - start));
    c->out.end += (size_t)head + (size_t)(stop - start);
}

static void watch(struct connection *c, int write) {
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
    c->wants_write = write;
}

static void drop(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->dead = 1;
    if (c->waiting) return; /* the queue still points here */
    free(c->in.at);
    free(c->out.at);
    free(c);
}

static int flush(struct connection *c) {
    while (c->out.begin < c->out.end) {
        ssize_t n = write(c->fd, c->out.at + c->out.begin, c->out.end - c->out.begin);
        if (n < 0 && errno == EAGAIN) {
            if (!c->wants_write) watch(c, 1);
            return 1;
        }
        if (n < 0) return 0;
        c->out.begin += (size_t)n;
    }
    if (c->wants_write) watch(c, 0);
    return 1;
}

static void arm(void) {
    uint64_t due = queue[queue_first].due - EARLY;
    struct itimerspec t = {.it_value = {(time_t)(due / 1000000), (long)(due % 1000000) * 1000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void postpone(struct connection *c) {
    size_t last = (queue_first + queue_count) % MOST_WAITING;
    queue[last].who = c;
    queue[last].due = now() + delay;
    c->waiting++;
    if (queue_count++ == 0) arm();
    if (queue_count >= MOST_WAITING) abort();
}

/* It woke the loop, and that is all: see EARLY. */
static void drain_timer(void) {
    uint64_t ticks;
    if (read(timer, &ticks, sizeof ticks) < 0) return;
}

static void send_due(void) {
    uint64_t t = now();
    size_t before = queue_count;
    while (queue_count && queue[queue_first].due <= t) {
        struct connection *c = queue[queue_first].who;
        queue_first = (queue_first + 1) % MOST_WAITING;
        queue_count--;
        c->waiting--;
        if (c->dead || !flush(c)) drop(c);
    }
    if (queue_count && queue_count < before) arm();
}

/* Whether a whole request was there and is answered now. */
static int take_request(struct connection *c) {
    char *begin = c->in.at + c->in.begin, *end = c->in.at + c->in.end;
    char *body = memmem(begin, (size_t)(end - begin), "\r\n\r\n", 4);
    if (!body) return 0;
    size_t length = 0;
    for (char *line = begin; line < body; line = (char *)memchr(line, '\n', (size_t)(end - line)) + 1)
        if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
    body += 4;
    if ((size_t)(end - body) < length) return 0;
    /* G of GET, A of PATCH, O of POST */
    answer(c, *begin == 'G' ? 'G' : begin[1], body, body + length);
    c->in.begin += (size_t)(body - begin) + length;
    return 1;
}

static int serve(struct connection *c) {
    for (;;) {
        need(&c->in, 65536);
        ssize_t n = read(c->fd, c->in.at + c->in.end, c->in.size - c->in.end);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return 0;
        if (n < 0) return 1;
        size_t room = c->in.size - c->in.end;
        c->in.end += (size_t)n;
        while (take_request(c)) {
            if (delay) postpone(c);
            else if (!flush(c)) return 0;
        }
        if ((size_t)n < room) return 1;
    }
}

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
}

static void add(int fd, char *mark) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = mark};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(atoi(argv[1]), &core);
    sched_setaffinity(0, sizeof core, &core);
    delay = strtoul(argv[2], NULL, 10);
    signal(SIGPIPE, SIG_IGN); /* a client that is gone is a write that fails */
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (void *)&address, size) || listen(listener, 1024)) return 1;
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    add(listener, &listener_mark);
    add(timer, &timer_mark);
    add(STDIN_FILENO, &input_mark);
    struct epoll_event events[256];
    for (;;) {
        int awake = queue_count && queue[queue_first].due <= now() + EARLY;
        int n = epoll_wait(poller, events, 256, awake ? 0 : -1);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &listener_mark) welcome(listener);
            else if (who == &timer_mark) drain_timer();
            else if (who == &input_mark) return 0;
            else if (((struct connection *)who)->fd < 0) continue;
            else if (!((events[i].events & EPOLLOUT) ? flush(who) : 1)
                     || !((events[i].events & ~(unsigned)EPOLLOUT) ? serve(who) : 1)) drop(who);
        }
        send_due();
    }
}
