package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Variable;
import java.util.Arrays;
import java.util.Map;

/**
 * The three backbones once more, in double precision and plain loops, one sequence at a time, nothing shared with the
 * program but the parameters' names: what the program's outputs are compared with.
 */
final class PlainForward {
    private final Map<String, Variable> parameters;
    private final ModelConfig config;

    PlainForward(GenerativeModel model, ModelConfig config) {
        this.parameters = model.parameters();
        this.config = config;
    }

    /** Log-probabilities of all codes of each level of an item that follows a history: (levels, width of the level). */
    double[][] logProbabilities(CodeSpace space, int[] history, int item) {
        return switch (config.backbone()) {
            case "item" -> ofItems(space, history, item);
            case "decoder" -> decoderOnly(space, history, item);
            default -> encoderDecoder(space, history, item);
        };
    }

    /** The row of the code at a level, and the one of the node that it leads to: nodes are told apart by their codes. */
    private double[] node(CodeSpace space, double[][] tokens, int item, int level) {
        double[] code = tokens[space.token(item, level)];
        double[] own = tokens[space.tokens() + space.trie().node(item, level + 1) - 1];
        double[] sum = new double[code.length];
        for (int i = 0; i < sum.length; i++) sum[i] = code[i] + own[i];
        return sum;
    }

    private double[][] ofItems(CodeSpace space, int[] history, int item) {
        int levels = space.levels(), n = history.length + 1, width = config.width();
        double[][] tokens = matrix("tokens"), x = new double[n][];
        x[0] = tokens[space.begin()].clone();
        for (int i = 0; i < history.length; i++) {
            x[i + 1] = new double[width];
            for (int l = 0; l < levels; l++) addRow(x[i + 1], node(space, tokens, history[i], l));
        }
        x = norm(x, "inputNorm.weight", 1e-6);
        for (int b = 0; b < config.layers(); b++) {
            String block = "blocks." + b + ".";
            double[][] h = norm(x, block + "attentionNorm.weight", 1e-6);
            double[][] a = ofDistance(
                    affine(h, block + "attention.query"), affine(h, block + "attention.keyValue"),
                    matrix("distances.table"));
            a = affine(a, block + "attention.output");
            double share = config.item().taps() == 0 ? 0 : config.item().share();
            double[][] taps = config.item().taps() == 0 ? new double[0][] : matrix(block + "filter.taps");
            for (int t = 0; t < n; t++) {
                for (int c = 0; c < width; c++) {
                    double filtered = 0;
                    for (int k = 0; k < taps.length && k <= t; k++) filtered += taps[k][c] * h[t - k][c];
                    x[t][c] += (1 - share) * a[t][c] + share * filtered;
                }
            }
            double[][] up = affine(norm(x, block + "feedForwardNorm.weight", 1e-6), block + "up");
            gelu(up);
            add(x, affine(up, block + "down"));
        }
        double[] state = norm(x, "norm.weight", 1e-6)[n - 1];
        double[][] result = new double[levels][];
        double[] prefix = new double[width];
        for (int l = 0; l < levels; l++) {
            double[] s = state.clone();
            if (l > 0) addRow(prefix, node(space, tokens, item, l - 1));
            if (l > 0 && config.item().levelMlp() > 0) {
                String mlp = "levelMlps." + (l - 1) + ".";
                double[][] h = affine(new double[][] {state}, mlp + "ofState");
                add(h, linear(new double[][] {prefix}, mlp + "ofPrefix.weight"));
                gelu(h);
                addRow(s, affine(h, mlp + "down")[0]);
            }
            result[l] = children(space, s, item, l, tokens);
        }
        return result;
    }

    /** The codes that an item of the catalogue has behind the codes of this item so far. */
    private double[] children(CodeSpace space, double[] state, int item, int level, double[][] tokens) {
        double[] logits = new double[space.width(level)];
        Arrays.fill(logits, Double.NEGATIVE_INFINITY);
        double sum = 0;
        for (int other = 0; other < space.items(); other++) {
            boolean same = true;
            for (int l = 0; l < level; l++) same &= space.code(other, l) == space.code(item, l);
            int code = space.code(other, level);
            if (!same || logits[code] > Double.NEGATIVE_INFINITY) continue;
            double[] v = node(space, tokens, other, level);
            double product = 0;
            for (int i = 0; i < v.length; i++) product += v[i] * state[i];
            int node = space.trie().node(other, level + 1);
            logits[code] = parameters.get("gains." + level).value().get(0) * product
                    + parameters.get("biases").value().get(node - 1);
            sum += Math.exp(logits[code]);
        }
        for (int c = 0; c < logits.length; c++) logits[c] -= Math.log(sum);
        return logits;
    }

    private double[][] ofDistance(double[][] q, double[][] kv, double[][] table) {
        int dim = config.headDim(), inner = config.heads() * dim;
        double[][] out = new double[q.length][inner];
        for (int h = 0; h < config.heads(); h++) {
            for (int i = 0; i < q.length; i++) {
                double[] p = new double[i + 1];
                double sum = 0;
                for (int j = 0; j <= i; j++) {
                    double dot = 0;
                    for (int d = 0; d < dim; d++) dot += q[i][h * dim + d] * kv[j][h * dim + d];
                    sum += p[j] = Math.exp(dot / Math.sqrt(dim) + table[h][i - j]);
                }
                for (int j = 0; j <= i; j++) {
                    for (int d = 0; d < dim; d++) out[i][h * dim + d] += p[j] / sum * kv[j][inner + h * dim + d];
                }
            }
        }
        return out;
    }

    private static void gelu(double[][] x) {
        for (double[] row : x) {
            for (int i = 0; i < row.length; i++) {
                double v = row[i];
                row[i] = v / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
            }
        }
    }

    private double[][] affine(double[][] x, String name) {
        double[][] y = linear(x, name + ".weight");
        Variable bias = parameters.get(name + ".bias");
        for (double[] row : y) for (int i = 0; i < row.length; i++) row[i] += bias.value().get(i);
        return y;
    }

    private static void addRow(double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) x[i] += y[i];
    }

    private double[][] decoderOnly(CodeSpace space, int[] history, int item) {
        int levels = space.levels(), n = (history.length + 1) * levels;
        double[][] tokens = matrix("tokens"), x = new double[n][];
        for (int i = 0; i < n; i++) {
            int before = i - 1;
            int source = before / levels < history.length ? before < 0 ? -1 : history[before / levels] : item;
            x[i] = tokens[before < 0 ? space.begin() : space.token(source, before % levels)].clone();
        }
        for (int b = 0; b < config.layers(); b++) {
            String block = "decoder.blocks." + b + ".";
            double[][] h = norm(x, block + "attentionNorm.weight", 1e-5);
            double[][] q = linear(h, block + "attention.query.weight"),
                    kv = linear(h, block + "attention.keyValue.weight");
            rotate(q, config.heads() * config.headDim());
            rotate(kv, config.heads() * config.headDim());
            double[][] a = attend(q, kv, true, 1 / Math.sqrt(config.headDim()), null, false);
            add(x, linear(a, block + "attention.output.weight"));
            add(x, feedForward(norm(x, block + "feedForwardNorm.weight", 1e-5), block, true));
        }
        x = norm(x, "decoder.norm.weight", 1e-5);
        double[][] result = new double[levels][];
        for (int l = 0; l < levels; l++) result[l] = head(space, x[history.length * levels + l], l, tokens);
        return result;
    }

    private double[][] encoderDecoder(CodeSpace space, int[] history, int item) {
        int levels = space.levels();
        double[][] tokens = matrix("tokens"), written = config.tied() ? tokens : matrix("written");
        double[][] x = new double[history.length * levels + 1][];
        for (int i = 0; i < history.length * levels; i++)
            x[i] = embedded(tokens, space.token(history[i / levels], i % levels));
        x[history.length * levels] = embedded(tokens, space.tokens());
        double[][] memory = stack(x, "network.encoder.", config.layers(), false, null);
        double[][] y = new double[levels][];
        for (int l = 0; l < levels; l++) y[l] = embedded(written, l == 0 ? space.begin() : space.token(item, l - 1));
        y = stack(y, "network.decoder.", config.decoderLayers(), true, memory);
        double[][] result = new double[levels][];
        for (int l = 0; l < levels; l++) result[l] = head(space, y[l], l, tokens);
        return result;
    }

    private double[] embedded(double[][] table, int token) {
        return Arrays.stream(table[token]).map(v -> v * Math.sqrt(config.width())).toArray();
    }

    private double[][] stack(double[][] x, String name, int layers, boolean causal, double[][] memory) {
        double[][] table = matrix(name + "bias.table");
        for (int b = 0; b < layers; b++) {
            String block = name + "blocks." + b + ".";
            double[][] h = norm(x, block + "attentionNorm.weight", 1e-6);
            double[][] a = attend(
                    linear(h, block + "attention.query.weight"),
                    linear(h, block + "attention.keyValue.weight"),
                    causal,
                    1,
                    table,
                    !causal);
            add(x, linear(a, block + "attention.output.weight"));
            if (memory != null) {
                h = norm(x, block + "crossNorm.weight", 1e-6);
                a = attend(
                        linear(h, block + "cross.query.weight"),
                        linear(memory, block + "cross.keyValue.weight"),
                        false,
                        1,
                        null,
                        false);
                add(x, linear(a, block + "cross.output.weight"));
            }
            add(x, feedForward(norm(x, block + "feedForwardNorm.weight", 1e-6), block, config.gated()));
        }
        return norm(x, name + "norm.weight", 1e-6);
    }

    private double[] head(CodeSpace space, double[] state, int level, double[][] tokens) {
        int width = space.width(level);
        double[] logits = new double[width];
        double[][] own = config.tied() ? null : matrix("heads." + level + ".weight");
        for (int c = 0; c < width; c++) {
            double[] weight = own == null ? tokens[space.tokenOf(level, c)] : own[c];
            for (int i = 0; i < state.length; i++) logits[c] += weight[i] * state[i];
        }
        double sum = 0;
        for (double v : logits) sum += Math.exp(v);
        for (int c = 0; c < width; c++) logits[c] -= Math.log(sum);
        return logits;
    }

    private double[][] feedForward(double[][] x, String block, boolean gated) {
        double[][] up = linear(x, block + "feedForward.up.weight");
        double[][] h = new double[x.length][config.hidden()];
        for (int r = 0; r < x.length; r++) {
            for (int i = 0; i < config.hidden(); i++) {
                double g = up[r][i];
                h[r][i] = gated ? g / (1 + Math.exp(-g)) * up[r][config.hidden() + i] : Math.max(0, g);
            }
        }
        return linear(h, block + "feedForward.down.weight");
    }

    private double[][] attend(
            double[][] q, double[][] kv, boolean causal, double scale, double[][] table, boolean bothWays) {
        int heads = config.heads(), dim = config.headDim(), inner = heads * dim;
        double[][] out = new double[q.length][inner];
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < q.length; i++) {
                int n = causal ? i + 1 : kv.length;
                double[] p = new double[n];
                double sum = 0;
                for (int j = 0; j < n; j++) {
                    double dot = 0;
                    for (int d = 0; d < dim; d++) dot += q[i][h * dim + d] * kv[j][h * dim + d];
                    sum += p[j] = Math.exp(dot * scale + (table == null ? 0 : table[h][bucket(j - i, bothWays)]));
                }
                for (int j = 0; j < n; j++) {
                    for (int d = 0; d < dim; d++) out[i][h * dim + d] += p[j] / sum * kv[j][inner + h * dim + d];
                }
            }
        }
        return out;
    }

    /** As T5's code has it. */
    private static int bucket(int relative, boolean bidirectional) {
        int buckets = 32, result = 0, n;
        if (bidirectional) {
            buckets /= 2;
            result += relative > 0 ? buckets : 0;
            n = Math.abs(relative);
        } else {
            n = -Math.min(relative, 0);
        }
        int exact = buckets / 2;
        int large = exact + (int) (Math.log((double) n / exact) / Math.log(128.0 / exact) * (buckets - exact));
        return result + (n < exact ? n : Math.min(large, buckets - 1));
    }

    /** Turns the pairs (j, j + dim/2) of each head by the angle position · θ^(-2j/dim). */
    private void rotate(double[][] x, int columns) {
        int dim = config.headDim();
        for (int r = 0; r < x.length; r++) {
            for (int c = 0; c < columns; c += dim) {
                for (int j = 0; j < dim / 2; j++) {
                    double angle = r / Math.pow(config.theta(), 2.0 * j / dim);
                    double a = x[r][c + j], b = x[r][c + j + dim / 2];
                    x[r][c + j] = a * Math.cos(angle) - b * Math.sin(angle);
                    x[r][c + j + dim / 2] = a * Math.sin(angle) + b * Math.cos(angle);
                }
            }
        }
    }

    private double[][] norm(double[][] x, String name, double eps) {
        Variable weight = parameters.get(name);
        double[][] y = new double[x.length][x[0].length];
        for (int r = 0; r < x.length; r++) {
            double squares = 0;
            for (double v : x[r]) squares += v * v;
            double rms = Math.sqrt(squares / x[r].length + eps);
            for (int i = 0; i < x[r].length; i++) y[r][i] = x[r][i] / rms * weight.value().get(i);
        }
        return y;
    }

    private double[][] linear(double[][] x, String name) {
        double[][] w = matrix(name), y = new double[x.length][w.length];
        for (int r = 0; r < x.length; r++) {
            for (int o = 0; o < w.length; o++) {
                for (int i = 0; i < x[r].length; i++) y[r][o] += x[r][i] * w[o][i];
            }
        }
        return y;
    }

    private static void add(double[][] x, double[][] y) {
        for (int r = 0; r < x.length; r++) for (int i = 0; i < x[r].length; i++) x[r][i] += y[r][i];
    }

    private double[][] matrix(String name) {
        Variable v = parameters.get(name);
        double[][] m = new double[v.dim(0)][v.dim(1)];
        for (int r = 0; r < m.length; r++) {
            for (int c = 0; c < m[r].length; c++) m[r][c] = v.value().get((long) r * m[r].length + c);
        }
        return m;
    }
}
