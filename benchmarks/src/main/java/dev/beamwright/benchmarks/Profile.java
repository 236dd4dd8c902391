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
import jdk.jfr.consumer.RecordingFile;

/**
 * Where the time goes: samples of what the threads run, taken by Java's flight recorder, by the class and the method of
 * ours that was running. Time in the JDK counts for the method of ours that called it.
 *
 * @param samples how many were taken
 * @param classes the share of each class, the largest first
 * @param methods the share of each method, the largest first
 */
record Profile(int samples, Map<String, Double> classes, Map<String, Double> methods) {
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
        Map<String, Integer> classes = new TreeMap<>(), methods = new TreeMap<>();
        int samples = 0;
        for (RecordedEvent e : events) {
            if (!e.getEventType().getName().equals("jdk.ExecutionSample") || e.getStackTrace() == null) continue;
            RecordedFrame ours = e.getStackTrace().getFrames().stream()
                    .filter(f -> f.getMethod().getType().getName().startsWith(OURS))
                    .findFirst()
                    .orElse(null);
            if (ours == null) continue;
            String name = ours.getMethod().getType().getName();
            name = name.substring(name.lastIndexOf('.') + 1);
            classes.merge(name, 1, Integer::sum);
            methods.merge(name + "." + ours.getMethod().getName(), 1, Integer::sum);
            samples++;
        }
        return new Profile(samples, shares(classes, samples), shares(methods, samples));
    }

    private static Map<String, Double> shares(Map<String, Integer> counts, int all) {
        Map<String, Double> shares = new LinkedHashMap<>();
        counts.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
                .forEach(e -> shares.put(e.getKey(), (double) e.getValue() / all));
        return shares;
    }

    /** As Markdown: the classes, and the methods that have at least a hundredth. */
    String markdown(String title) {
        StringBuilder s = new StringBuilder();
        s.append("## ").append(title).append("\n\n").append(samples)
                .append(" samples.\n\n| class | share |\n|---|---:|\n");
        classes.forEach((name, share) -> line(s, name, share));
        s.append("\n| method | share |\n|---|---:|\n");
        methods.forEach((name, share) -> line(s, name, share));
        return s.append('\n').toString();
    }

    private static void line(StringBuilder s, String name, double share) {
        if (share >= 0.01) s.append(String.format(Locale.ROOT, "| `%s` | %.1f %% |%n", name, 100 * share));
    }
}
