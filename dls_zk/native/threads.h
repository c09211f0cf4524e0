// Tasks on several threads. Threads live for one call only, so a fork at any other time finds none.
#pragma once
#include <pthread.h>

#include "memory.h"

static const int MAX_THREADS = 16;

struct Tasks {
    void (*run)(void *context, int task, int thread);
    void *context;
    int count, next, threads;
};

static void work(Tasks *tasks, int thread) {
    for (;;) {
        int task = __atomic_fetch_add(&tasks->next, 1, __ATOMIC_RELAXED);
        if (task >= tasks->count) break;
        tasks->run(tasks->context, task, thread);
    }
    wipe_stack();
}

struct Worker {
    Tasks *tasks;
    int thread;
};

static void *start_worker(void *argument) {
    Worker *worker = (Worker *)argument;
    work(worker->tasks, worker->thread);
    return nullptr;
}

// Runs `run(task, thread)` for every task below `count`, on at most `threads` threads, of which the caller is one. With
// fewer threads than asked for, as where no more can be started, the work is the same.
template <class Run> static void parallel(int threads, int count, const Run &run) {
    Tasks tasks = {[](void *context, int task, int thread) { (*(const Run *)context)(task, thread); }, (void *)&run, count, 0, 0};
    pthread_t ids[MAX_THREADS];
    Worker workers[MAX_THREADS];
    int started = 0;
    pthread_attr_t attributes;
    if (threads > 1 && count > 1 && pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, 1 << 19);
        while (started < threads - 1 && started < count - 1) {
            workers[started] = {&tasks, started + 1};
            if (pthread_create(&ids[started], &attributes, start_worker, &workers[started]) != 0) break;
            ++started;
        }
        pthread_attr_destroy(&attributes);
    }
    work(&tasks, 0);
    for (int i = 0; i < started; ++i) pthread_join(ids[i], nullptr);
}
