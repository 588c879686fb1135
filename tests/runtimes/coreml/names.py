"""Names of the models that a process of its own makes, known where torch is not imported."""

TORCH = (
    "conv", "conv_pointwise", "conv_pointwise_strided", "conv_padded", "conv_same", "conv_dilated_grouped",
    "conv_depthwise", "conv_1d", "conv_3d", "transposed", "transposed_padded", "transposed_output_padding",
    "transposed_grouped_dilated", "transposed_1d", "max_pool", "max_pool_ceil", "max_pool_ceil_padded",
    "average_pool", "average_pool_exclude", "average_pool_ceil", "average_pool_ceil_padded",
    "average_pool_ceil_exclude", "max_pool_1d", "average_pool_3d", "global_pool", "batch_norm", "instance_norm",
    "layer_norm", "group_norm", "response_norm", "lstm", "lstm_both_ways", "lstm_deep", "gru", "gru_both_ways", "rnn",
    "attention", "encoder", "dot_product_attention", "nearest_twice", "nearest_fraction", "nearest_size",
    "bilinear_half_pixel", "bilinear_aligned", "bilinear_smaller", "grid_sample", "grid_sample_border",
    "pixel_shuffle", "pixel_unshuffle", "pad_reflect", "pad_replicate", "pad_constant", "gelu", "activations",
    "more_activations", "prelu", "log_softmax", "einsum", "arithmetic", "reductions", "extremes", "sorting", "slices",
    "parts", "indices", "scattered", "masks", "shapes", "rounding", "functions", "embedding",
)  # fmt: skip

KERAS = ("cnn", "unet", "mobilenet", "lstm", "gru", "recurrent", "attention", "one_dimension", "activations")
