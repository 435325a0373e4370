/* The standard functions, as a vendor might write them; what it does wrong is chosen by -D. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef STATUS
#define STATUS int /* also short, unsigned short */
#endif
#define OUT __attribute__((visibility("default"))) int

static char told[64];

static int right(const char *password, STATUS *status) {
    int is_right = strcmp(password, "000000") == 0;
    *status = is_right ? 3 : 4;
    return is_right;
}

#ifdef LOADS_BADLY
__attribute__((constructor)) static void loaded(void) { abort(); }
#endif

OUT Init_Device(char *code, STATUS *status) {
    strcpy(code, "BC-01");
    *status = 1;
    return 1;
}

#ifdef POINTER
OUT GetIDCode(char **code, STATUS *status) {
    *code = "BC-01";
    *status = 1;
    return 1;
}
#else
OUT GetIDCode(char *code, STATUS *status) {
    strcpy(code, "BC-01");
    *status = 1;
    return 1;
}
#endif

OUT GetZFYInfo(char *info, const char *password, STATUS *status) {
    if (!right(password, status)) return 0;
#ifdef BARE
    memcpy(info, "1234567" "000042", 13);
    memcpy(info + 13, "\xcd\xf5\xbd\xa8\xb9\xfa", 6);
#else
    memset(info, 0, 94);
    strcpy(info, "1234567");
    strcpy(info + 8, "000042");
    strcpy(info + 15, "\xcd\xf5\xbd\xa8\xb9\xfa");
#endif
#ifdef OVERRUNS
    memset(info, 'x', 120);
#endif
    return 1;
}

OUT WriteZFYInfo(const char *info, const char *password, STATUS *status) {
    if (!right(password, status)) return 0;
    memcpy(told, info, sizeof told);
    return told[0] == 'W';
}

OUT SyncDevTime(const char *password, STATUS *status) {
    time_t fixed = 1790000000;
    struct tm local;
    if (!right(password, status)) return 0;
    localtime_r(&fixed, &local);
    *status = 5;
    return local.tm_hour == WANTED_HOUR;
}

OUT SetMSDC(const char *password, STATUS *status) {
    *status = 8;
#ifdef STAYS
    return 0;
#endif
    *status = 7;
    return 1;
}

OUT ReadDeviceResolution(int *width, int *height, const char *password, STATUS *status) {
    *width = 1920, *height = 1080;
    *status = 1;
    return 1;
}

#ifdef TRIES
static void *in_a_thread(void *is_done) { return *(int *)is_done = 1, NULL; }
static int may_thread(void) {
    pthread_t thread;
    int is_done = 0;
    if (pthread_create(&thread, NULL, in_a_thread, &is_done) == 0) pthread_join(thread, NULL);
    return is_done;
}
#endif

OUT ReadDeviceBatteryDumpEnergy(int *battery, const char *password, STATUS *status) {
    *status = 1;
    *battery = 87;
#ifdef CRASHES
    *(volatile int *)8 = 1;
#elif defined HANGS
    for (;;) sleep(1);
#elif defined PRINTS
    printf("{\"returned\": 1, \"status\": 1, \"out\": \"AAAA\"}\n");
    fflush(stdout);
#elif defined TRIES
    /* What it may do: a bit each. */
    *battery = (open("/etc/shadow", O_RDONLY) >= 0) | (open("/etc/passwd", O_RDONLY) >= 0) << 1 |
               (socket(AF_INET, SOCK_STREAM, 0) >= 0) << 2 | (fork() >= 0) << 3 |
               (open("/sys", O_RDONLY | O_DIRECTORY) < 0) << 4 | (!may_thread()) << 5;
#elif defined PLUG
    *battery = (open(PLUG, O_RDWR) >= 0) | (open(OTHER, O_RDWR) >= 0) << 1;
#endif
    return 1;
}
