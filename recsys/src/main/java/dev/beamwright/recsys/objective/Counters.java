package dev.beamwright.recsys.objective;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Sums by name. As JSON: an object of numbers. */
public final class Counters {
    private final Map<String, Double> sums = new TreeMap<>();

    /** Nothing was counted yet. */
    public Counters() {}

    @JsonCreator
    Counters(Map<String, Double> sums) {
        this.sums.putAll(sums);
    }

    /** Adds to a sum. */
    public void add(String name, double amount) {
        sums.merge(name, amount, Double::sum);
    }

    /** Adds all sums of others. */
    public void add(Counters others) {
        others.sums.forEach(this::add);
    }

    /** The sums of both. */
    public Counters plus(Counters others) {
        var both = new Counters(sums);
        both.add(others);
        return both;
    }

    /** A sum; 0 if nothing was added to it. */
    public double get(String name) {
        return sums.getOrDefault(name, 0.0);
    }

    /** Whether anything was added to a sum. */
    public boolean has(String name) {
        return sums.containsKey(name);
    }

    /** A sum divided by another; null if that is 0. */
    public Double mean(String sum, String count) {
        double n = get(count);
        return n == 0 ? null : (Double) (get(sum) / n);
    }

    /** All sums by name. */
    @JsonValue
    Map<String, Double> sums() {
        return Collections.unmodifiableMap(sums);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Counters c && c.sums.equals(sums);
    }

    @Override
    public int hashCode() {
        return sums.hashCode();
    }

    @Override
    public String toString() {
        return sums.toString();
    }
}
