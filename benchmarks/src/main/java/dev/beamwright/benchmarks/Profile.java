package dev.beamwright.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingFile;

/**
 * Where the time goes: samples of what the threads run, taken by Java's flight recorder, by the kernel of the backend,
 * and by the class and the method of ours that was running. Time in the JDK counts for the method of ours that called it.
 *
 * @param samples how many were taken
 * @param kernels the share of each kernel, the largest first
 * @param classes the share of each class, the largest first
 * @param methods the share of each method, the largest first
 */
record Profile(int samples, Map<String, Double> kernels, Map<String, Double> classes, Map<String, Double> methods) {
    private static final String OURS = "dev.beamwright.";

    /**
     * Takes samples of some work.
     *
     * @param work is given what starts the samples, to be called when it is warm
     */
    static Profile of(Consumer<Runnable> work) {
        Path file = null;
        try (var recording = new Recording(Configuration.getConfiguration("default"))) {
            recording.enable("jdk.ExecutionSample").withPeriod(Duration.ofMillis(5));
            work.accept(recording::start);
            recording.stop();
            file = Files.createTempFile("beamwright", ".jfr");
            recording.dump(file);
            return of(RecordingFile.readAllEvents(file));
        } catch (IOException | ParseException e) {
            throw new IllegalStateException(e);
        } finally {
            if (file != null) file.toFile().delete();
        }
    }

    private static Profile of(List<RecordedEvent> events) {
        Map<String, Integer> kernels = new TreeMap<>(), classes = new TreeMap<>(), methods = new TreeMap<>();
        int samples = 0;
        for (RecordedEvent e : events) {
            if (!e.getEventType().getName().equals("jdk.ExecutionSample") || e.getStackTrace() == null) continue;
            List<RecordedMethod> ours = e.getStackTrace().getFrames().stream()
                    .map(RecordedFrame::getMethod)
                    .filter(m -> m.getType().getName().startsWith(OURS) && !m.getType().getName().contains("/"))
                    .toList(); // a lambda's own class, with a slash in its name, only calls the method of ours
            if (ours.isEmpty()) continue;
            String name = simpleName(ours.getFirst());
            kernels.merge(kernel(ours), 1, Integer::sum);
            classes.merge(name, 1, Integer::sum);
            methods.merge(name + "." + ours.getFirst().getName(), 1, Integer::sum);
            samples++;
        }
        return new Profile(samples, shares(kernels, samples), shares(classes, samples), shares(methods, samples));
    }

    /** The kernel of a backend that was called, from whatever part of it the sample is, or what else it was. */
    private static String kernel(List<RecordedMethod> stack) {
        for (RecordedMethod m : stack.reversed()) {
            if (simpleName(m).endsWith("Backend")) return m.getName().replaceAll("lambda\\$(\\w+)\\$\\d+", "$1");
        }
        return simpleName(stack.getFirst()).equals("Parallel") ? "(waits for work)" : "(no kernel)";
    }

    private static String simpleName(RecordedMethod m) {
        String name = m.getType().getName();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static Map<String, Double> shares(Map<String, Integer> counts, int all) {
        Map<String, Double> shares = new LinkedHashMap<>();
        counts.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
                .forEach(e -> shares.put(e.getKey(), (double) e.getValue() / all));
        return shares;
    }

    /** As Markdown: the kernels, the classes, and the methods that have at least a hundredth. */
    String markdown(String title) {
        StringBuilder s = new StringBuilder();
        s.append("## ").append(title).append("\n\n").append(samples)
                .append(" samples.\n");
        table(s, "kernel", kernels);
        table(s, "class", classes);
        table(s, "method", methods);
        return s.append('\n').toString();
    }

    private static void table(StringBuilder s, String what, Map<String, Double> shares) {
        s.append("\n| ").append(what).append(" | share |\n|---|---:|\n");
        shares.forEach((name, share) -> line(s, name, share));
    }

    private static void line(StringBuilder s, String name, double share) {
        if (share >= 0.01) s.append(String.format(Locale.ROOT, "| `%s` | %.1f %% |%n", name, 100 * share));
    }
}
