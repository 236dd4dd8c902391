import dev.ludovic.netlib.blas.BLAS;
import dev.ludovic.netlib.blas.JavaBLAS;
import java.util.Random;
import java.util.Scanner;

/** dev.ludovic.netlib's BLAS in Java's Vector API, one thread, as a peer: the commands of torch_peer.py, and of them gemm. */
public final class NetlibPeer {
    private static final BLAS BLAS_ = JavaBLAS.getInstance();
    private static String ready = "";
    private static Runnable work;

    public static void main(String[] args) {
        for (Scanner in = new Scanner(System.in); in.hasNextLine();) {
            try {
                System.out.println("ok " + answer(in.nextLine().split(" ")));
            } catch (RuntimeException e) {
                System.out.println("no " + e.toString().lines().findFirst().orElse(""));
            }
        }
    }

    private static Object answer(String[] words) {
        if (words[0].equals("hello")) return "dev.ludovic.netlib " + BLAS_.getClass().getSimpleName() + ", 1 thread";
        if (words[0].equals("forget")) {
            ready = "";
            work = null;
            return "";
        }
        if (!words[0].equals("time") || !words[2].equals("gemm")) throw new IllegalArgumentException("only gemm");
        int times = Integer.parseInt(words[1]);
        String name = String.join(" ", words);
        name = name.substring(name.indexOf("gemm"));
        boolean fresh = !name.equals(ready);
        if (fresh) {
            work = gemm(words[3], Integer.parseInt(words[4]), Integer.parseInt(words[5]), Integer.parseInt(words[6]));
            ready = name;
        }
        if (fresh || times > 1) work.run();
        long begin = System.nanoTime();
        for (int i = 0; i < times; i++) work.run();
        return (System.nanoTime() - begin) / 1e9 / times;
    }

    /** C = op(A) op(B) by rows is Cᵀ = op(B)ᵀ op(A)ᵀ by columns, as BLAS has it. */
    private static Runnable gemm(String form, int m, int k, int n) {
        String ta = form.substring(0, 1), tb = form.substring(1);
        int lda = ta.equals("T") ? m : k, ldb = tb.equals("T") ? k : n;
        float[] a = random(m * k), b = random(k * n), c = new float[m * n];
        return () -> BLAS_.sgemm(tb, ta, n, m, k, 1f, b, ldb, a, lda, 0f, c, n);
    }

    private static float[] random(int n) {
        Random random = new Random(n);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) x[i] = random.nextFloat() - 0.5f;
        return x;
    }
}
