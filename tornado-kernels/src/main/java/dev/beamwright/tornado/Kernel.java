package dev.beamwright.tornado;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.*;

/**
 * A kernel: a static method of {@code dev.beamwright.tornado.kernel}.
 *
 * @param name in task ids and in messages
 * @param writes how many of its arrays, the first ones, it writes
 * @param add the number of the argument that says whether the first array is added to, or -1
 * @param addBit the bit of that argument which says so
 * @param function a method reference, as TornadoVM takes it
 * @param arity how many arguments it has
 * @param threads of one block, for a kernel with a {@code KernelContext}; else 0
 * @param localBytes local memory of one block
 */
record Kernel(
        String name, int writes, int add, int addBit, Object function, int arity, int threads, int localBytes) {
    /** The same kernel, which adds to its first array where this argument is 1. */
    Kernel adding(int argument) {
        return new Kernel(name, writes, argument, 1, function, arity, threads, localBytes);
    }

    /** The same kernel, which adds to its first array where this argument has bit 2. */
    Kernel addingByFlag(int argument) {
        return new Kernel(name, writes, argument, 2, function, arity, threads, localBytes);
    }

    /** The same kernel, which works in blocks of so many threads that share so many floats (or ints) of local memory. */
    Kernel inBlocks(int threads, int localFloats) {
        return new Kernel(name, writes, add, addBit, function, arity, threads, Float.BYTES * localFloats);
    }

    /** Runs it here and now, as a plain method. */
    void call(Object[] arguments) {
        try {
            interfaceMethod().invoke(function, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException r) throw r;
            if (e.getCause() instanceof Error r) throw r;
            throw new IllegalStateException(name, e.getCause());
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(name, e);
        }
    }

    /** Adds it to a task graph. */
    void addTo(TaskGraph graph, String id, Object[] arguments) {
        Object[] all = new Object[arguments.length + 2];
        all[0] = id;
        all[1] = function;
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        try {
            TASKS[arity].invoke(graph, all);
        } catch (InvocationTargetException e) {
            throw Failures.of(e.getCause(), name);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(name, e);
        }
    }

    private Method interfaceMethod() {
        return APPLY[arity];
    }

    /** {@code TaskGraph.task} and the method of its functional interface, by the number of arguments. */
    private static final Method[] TASKS = new Method[21], APPLY = new Method[21];

    static {
        for (Method m : TaskGraph.class.getMethods()) {
            if (!m.getName().equals("task") || m.getParameterCount() < 3) continue;
            Class<?> function = m.getParameterTypes()[1];
            if (!function.getSimpleName().startsWith("Task")) continue;
            TASKS[m.getParameterCount() - 2] = m;
            APPLY[m.getParameterCount() - 2] =
                    Arrays.stream(function.getMethods()).filter(f -> f.getName().equals("apply")).findFirst()
                            .orElseThrow();
        }
    }

    private static Kernel of(String name, int writes, Object function, int arity) {
        return new Kernel(name, writes, -1, 0, function, arity, 0, 0);
    }

    // The compiler chooses by the number of the method's parameters, and finds their types by itself.

    static <T1, T2> Kernel of(String name, int writes, Task2<T1, T2> f) {
        return of(name, writes, f, 2);
    }

    static <T1, T2, T3> Kernel of(String name, int writes, Task3<T1, T2, T3> f) {
        return of(name, writes, f, 3);
    }

    static <T1, T2, T3, T4> Kernel of(String name, int writes, Task4<T1, T2, T3, T4> f) {
        return of(name, writes, f, 4);
    }

    static <T1, T2, T3, T4, T5> Kernel of(String name, int writes, Task5<T1, T2, T3, T4, T5> f) {
        return of(name, writes, f, 5);
    }

    static <T1, T2, T3, T4, T5, T6> Kernel of(String name, int writes, Task6<T1, T2, T3, T4, T5, T6> f) {
        return of(name, writes, f, 6);
    }

    static <T1, T2, T3, T4, T5, T6, T7> Kernel of(String name, int writes, Task7<T1, T2, T3, T4, T5, T6, T7> f) {
        return of(name, writes, f, 7);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8> Kernel of(
            String name, int writes, Task8<T1, T2, T3, T4, T5, T6, T7, T8> f) {
        return of(name, writes, f, 8);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9> Kernel of(
            String name, int writes, Task9<T1, T2, T3, T4, T5, T6, T7, T8, T9> f) {
        return of(name, writes, f, 9);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> Kernel of(
            String name, int writes, Task10<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> f) {
        return of(name, writes, f, 10);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> Kernel of(
            String name, int writes, Task11<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> f) {
        return of(name, writes, f, 11);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> Kernel of(
            String name, int writes, Task12<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> f) {
        return of(name, writes, f, 12);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> Kernel of(
            String name, int writes, Task13<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> f) {
        return of(name, writes, f, 13);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> Kernel of(
            String name, int writes, Task14<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> f) {
        return of(name, writes, f, 14);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> Kernel of(
            String name, int writes, Task15<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> f) {
        return of(name, writes, f, 15);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> Kernel of(
            String name, int writes, Task16<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> f) {
        return of(name, writes, f, 16);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> Kernel of(
            String name, int writes,
            Task17<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> f) {
        return of(name, writes, f, 17);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> Kernel of(
            String name, int writes,
            Task18<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> f) {
        return of(name, writes, f, 18);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> Kernel of(
            String name, int writes,
            Task19<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> f) {
        return of(name, writes, f, 19);
    }

    static <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> Kernel of(
            String name, int writes,
            Task20<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> f) {
        return of(name, writes, f, 20);
    }
}
